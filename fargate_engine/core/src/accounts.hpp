// The known accounts, and what each holds and may trade by lease in each symbol.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "book/messages.hpp"

namespace book {

// Products of a price and a quantity, and sums of many quantities, need more than 64 bits.
__extension__ typedef __int128 Wide;
inline std::uint64_t high_word(Wide number) { return static_cast<std::uint64_t>(number >> 64); }
inline std::uint64_t low_word(Wide number) { return static_cast<std::uint64_t>(number); }

// From a key to a small number, which is never taken out again: open addressing.
class IndexMap {
 public:
  std::uint32_t find(std::uint64_t key) const {  // 0: none.
    if (size_ == 0) return 0;
    for (std::size_t slot = home(key);; slot = (slot + 1) & mask_) {
      if (slots_[slot].index == 0 || slots_[slot].key == key) return slots_[slot].index;
    }
  }

  // Only a key that is not in it.
  void insert(std::uint64_t key, std::uint32_t index) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    put(key, index);
    ++size_;
  }

  std::size_t memory_bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint64_t key;
    std::uint32_t index;
  };

  std::size_t home(std::uint64_t key) const { return (key * 0x9E3779B97F4A7C15u) >> shift_; }

  void put(std::uint64_t key, std::uint32_t index) {
    std::size_t slot = home(key);
    while (slots_[slot].index != 0) slot = (slot + 1) & mask_;
    slots_[slot] = {key, index};
  }

  void grow() {
    const std::vector<Slot> old = std::move(slots_);
    const std::size_t slots = old.empty() ? 16 : old.size() * 2;
    slots_.assign(slots, Slot{0, 0});
    mask_ = slots - 1;
    shift_ = 64;
    for (std::size_t n = slots; n > 1; n /= 2) --shift_;
    for (const Slot& moved : old) {
      if (moved.index != 0) put(moved.key, moved.index);
    }
  }

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  unsigned shift_ = 63;
  std::size_t size_ = 0;
};

struct Account {
  std::uint32_t account = 0;
  AccountTerms terms{};
  std::int64_t live_orders = 0;
  std::int64_t rate_window = 0;  // The number of the window that was counted in last.
  std::int64_t rate_count = 0;
};

struct Holding {
  std::uint32_t account = 0;
  std::uint32_t symbol = 0;
  std::uint32_t account_index = 0;
  std::uint32_t lease = 0;  // 0: none.
  std::int64_t position = 0;
  std::int64_t position_max = 0;
  std::int64_t open[2] = {0, 0};  // By side: the leaves of its live orders but for reduce-only ones.
  // What a look ahead would have moved the position by; of the look ahead with that number only.
  std::uint64_t look_ahead = 0;
  std::int64_t look_ahead_moved = 0;

  // Whatever lease it has, which is told apart.
  bool blank() const { return position == 0 && position_max == 0 && open[0] == 0 && open[1] == 0; }
};

// Apart from the holding, whose one cache line most orders touch. Two numbers in brackets are of buys and of sells.
// No term is ever less than what its orders use of it: no live one has a price above price_high, nor are they more than
// orders_max.
struct Lease {
  std::uint32_t account = 0;
  std::uint32_t symbol = 0;
  std::int64_t version = 0;
  std::int64_t granted[2] = {0, 0};
  std::int64_t price_high = 0;
  std::int64_t orders_max = 0;
  std::int64_t expires_at_ns = 0;
  std::int64_t filled[2] = {0, 0};
  Wide notional[2] = {0, 0};  // Of what was filled.
  std::int64_t open[2] = {0, 0};  // The leaves of its live orders, reduce-only ones too.
  std::int64_t live_orders = 0;

  // More than is granted only by what venues made of orders; never above INT64_MAX, so what is left does not overflow.
  std::int64_t used(std::size_t side) const { return filled[side] + open[side]; }
};

// Index 0 is nobody. An index stays what it is.
class Accounts {
 public:
  std::uint32_t find(std::uint32_t account) const { return account == 0 ? 0 : account_of_.find(account); }
  Account& operator[](std::uint32_t index) { return accounts_[index]; }
  const Account& operator[](std::uint32_t index) const { return accounts_[index]; }

  std::uint32_t add(std::uint32_t account) {
    const auto index = static_cast<std::uint32_t>(accounts_.size());
    accounts_.emplace_back();
    accounts_.back().account = account;
    account_of_.insert(account, index);
    return index;
  }

  std::uint32_t find_holding(std::uint32_t account, std::uint32_t symbol) const {
    return holding_of_.find(key(account, symbol));
  }
  Holding& holding(std::uint32_t index) { return holdings_[index]; }
  const Holding& holding(std::uint32_t index) const { return holdings_[index]; }

  std::uint32_t find_or_add_holding(std::uint32_t account_index, std::uint32_t symbol) {
    const std::uint32_t account = accounts_[account_index].account;
    if (const std::uint32_t found = find_holding(account, symbol); found != 0) return found;
    return add_holding(account_index, account, symbol);
  }

  [[gnu::noinline]] std::uint32_t add_holding(std::uint32_t account_index, std::uint32_t account, std::uint32_t symbol) {
    const auto index = static_cast<std::uint32_t>(holdings_.size());
    holdings_.emplace_back();
    holdings_.back().account = account;
    holdings_.back().symbol = symbol;
    holdings_.back().account_index = account_index;
    holding_of_.insert(key(account, symbol), index);
    return index;
  }

  // Of a holding that has one.
  Lease& lease_of(std::uint32_t holding) { return leases_[holdings_[holding].lease]; }
  const Lease& lease_of(std::uint32_t holding) const { return leases_[holdings_[holding].lease]; }

  Lease& find_or_add_lease(std::uint32_t holding) {
    Holding& holder = holdings_[holding];
    if (holder.lease == 0) {
      holder.lease = static_cast<std::uint32_t>(leases_.size());
      leases_.emplace_back();
      leases_.back().account = holder.account;
      leases_.back().symbol = holder.symbol;
    }
    return leases_[holder.lease];
  }

  const std::vector<Account>& accounts() const { return accounts_; }
  const std::vector<Holding>& holdings() const { return holdings_; }
  const std::vector<Lease>& leases() const { return leases_; }

  std::size_t memory_bytes() const {
    return accounts_.capacity() * sizeof(Account) + holdings_.capacity() * sizeof(Holding) +
           leases_.capacity() * sizeof(Lease) + account_of_.memory_bytes() + holding_of_.memory_bytes();
  }

 private:
  static std::uint64_t key(std::uint32_t account, std::uint32_t symbol) { return std::uint64_t{account} << 16 | symbol; }

  std::vector<Account> accounts_{1};
  std::vector<Holding> holdings_{1};
  std::vector<Lease> leases_{1};
  IndexMap account_of_;
  IndexMap holding_of_;
};

}  // namespace book
