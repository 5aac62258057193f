// A live order as the core keeps it: one cache line that every command touches, and a second only for orders that need it.
#pragma once
#include <cstdint>

#include "book/messages.hpp"

namespace book {

inline constexpr unsigned kEntryBits = 56;  // Then four for each of the two modes.
inline constexpr std::uint64_t kEntryMax = (std::uint64_t{1} << kEntryBits) - 1;
inline constexpr unsigned kTradedBits = 48;  // Then sixteen for the symbol.
inline constexpr std::uint64_t kTradedMax = (std::uint64_t{1} << kTradedBits) - 1;

using OrderIndex = std::uint32_t;  // Of an order in the pool; 0 is none.

// All fields are set where the order enters; nothing here is initialised twice.
struct alignas(64) Order {
  std::uint64_t order_id;  // 0: this place in the pool is free, and `next` is the next free one.
  std::int64_t price;
  std::int64_t leaves;
  std::uint64_t traded_and_symbol;  // Words of two and three parts, so that an order that enters writes each once:
  std::uint64_t entry_and_modes;    // as bit fields they would be read, changed and written part by part.
  OrderIndex previous;  // Neighbours in its level's queue.
  OrderIndex next;
  std::uint32_t account;
  std::uint32_t session;
  std::uint32_t holding;  // Of its account in its symbol; 0: the account is not known.
  Side side;
  Type type;
  TimeInForce time_in_force;
  std::uint8_t flags;  // kExtended: it has ColdTerms.

  bool is(unsigned flag) const { return (flags & flag) != 0; }  // Any of them, where it is more than one.
  bool dormant() const { return type >= Type::kStop; }
  void set_parts(std::uint16_t symbol, std::uint64_t entry, SelfTrade self_trade, Trigger trigger) {
    traded_and_symbol = std::uint64_t{symbol} << kTradedBits;
    entry_and_modes = (entry & kEntryMax) | static_cast<std::uint64_t>(self_trade) << kEntryBits |
                      static_cast<std::uint64_t>(trigger) << (kEntryBits + 4);
  }
  // Less than kQuantityMax while something is left.
  std::int64_t traded() const { return static_cast<std::int64_t>(traded_and_symbol & kTradedMax); }
  void set_traded(std::int64_t quantity) {
    traded_and_symbol = (traded_and_symbol & ~kTradedMax) | (static_cast<std::uint64_t>(quantity) & kTradedMax);
  }
  std::uint16_t symbol() const { return static_cast<std::uint16_t>(traded_and_symbol >> kTradedBits); }
  std::uint64_t entry() const { return entry_and_modes & kEntryMax; }
  void set_entry(std::uint64_t entry) { entry_and_modes = (entry_and_modes & ~kEntryMax) | (entry & kEntryMax); }
  SelfTrade self_trade() const { return static_cast<SelfTrade>(entry_and_modes >> kEntryBits & 15u); }
  Trigger trigger() const { return static_cast<Trigger>(entry_and_modes >> (kEntryBits + 4)); }
};
static_assert(sizeof(Order) == 64);

// What only some orders have. For an order without kExtended nothing here means anything.
struct alignas(64) ColdTerms {
  std::int64_t stop_price;
  std::int64_t trailing_price;  // 0: none yet.
  std::int64_t display_quantity;
  std::int64_t shown;  // Of an iceberg in the book.
  std::int64_t expire_at_ns;
  std::int64_t price_bound;
  std::uint32_t expiry_place;   // In the heap of those that expire,
  std::uint32_t trigger_place;  // and in that of its trigger.
  std::uint8_t venue;
  std::uint8_t accepted;  // By its venue.
};
static_assert(sizeof(ColdTerms) == 64);

inline bool is_dormant_type(Type type) { return type >= Type::kStop; }
inline bool buys(const Order& order) { return order.side == Side::kBuy; }
// 1 for a buy, -1 for a sell.
inline std::int64_t sign_of(Side side) { return 3 - 2 * static_cast<std::int64_t>(side); }
inline Side opposite(Side side) { return static_cast<Side>(3 - static_cast<int>(side)); }
// Without a branch: half of all orders are on either side, and no processor guesses which.
inline std::size_t side_index(Side side) { return static_cast<std::size_t>(side) - 1; }

}  // namespace book
