// Bytes to commands that collide: few ids, prices, accounts and symbols, every kind and every field. Where the bytes
// are random this is a load that reaches every rule; where a fuzzer chooses them, it finds its way from there.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "book/messages.hpp"

namespace fuzz {

class Bytes {
 public:
  Bytes(const std::uint8_t* bytes, std::size_t size) : next_(bytes), end_(bytes + size) {}

  bool empty() const { return next_ == end_; }
  std::uint8_t byte() { return empty() ? std::uint8_t{0} : *next_++; }
  // 0 .. bound - 1
  std::uint8_t below(unsigned bound) { return static_cast<std::uint8_t>(byte() % bound); }
  void copy(void* to, std::size_t size) {
    auto* out = static_cast<std::uint8_t*>(to);
    for (std::size_t i = 0; i < size; ++i) out[i] = byte();
  }

 private:
  const std::uint8_t* next_;
  const std::uint8_t* end_;
};

// Accounts 1 and 2, of the five that orders have, are known from the start: else few leases would find one.
inline constexpr std::uint32_t kKnownAccounts = 2;
inline book::Command know(std::uint32_t account) {
  book::Command command{};
  command.kind = book::Kind::kSetAccount;
  command.account = account;
  return command;
}

inline void make_terms(Bytes& bytes, book::Command& command) {
  book::OrderTerms& terms = command.order;
  terms.display_quantity = bytes.below(4) == 0 ? bytes.below(20) : 0;
  terms.min_quantity = bytes.below(6) == 0 ? bytes.below(20) : 0;
  terms.price_bound = bytes.below(6) == 0 ? 90 + bytes.below(20) : 0;
  if (command.time_in_force == book::TimeInForce::kGtd) terms.expire_at_ns = command.at_ns + bytes.below(200);
  if (command.type == book::Type::kTrailingStop) {
    terms.stop_price = bytes.below(9);
  } else if (command.type >= book::Type::kStop) {
    terms.stop_price = 90 + bytes.below(20);
  }
}

inline void make_order(Bytes& bytes, book::Command& command) {
  command.side = static_cast<book::Side>(1 + bytes.below(2));
  const std::uint8_t kind = bytes.below(24);
  command.type = kind < 14 ? book::Type::kLimit : static_cast<book::Type>(1 + kind % 8);
  const std::uint8_t force = bytes.below(12);
  command.time_in_force = force < 6 ? book::TimeInForce::kGtc : static_cast<book::TimeInForce>(1 + force % 5);
  command.flags = bytes.below(4) == 0 ? bytes.below(book::kFlagsEnd + 1) : std::uint8_t{0};
  const bool may_have_lease = command.account - 1 < kKnownAccounts;
  if (bytes.below(may_have_lease ? 2 : 16) == 0) command.flags |= book::kLeased;
  command.self_trade = static_cast<book::SelfTrade>(bytes.below(3) == 0 ? bytes.below(6) : 0);
  command.trigger = static_cast<book::Trigger>(bytes.below(2));
  if (bytes.below(8) == 0) command.venue = bytes.below(3);
  const bool extended = command.type >= book::Type::kStop || command.time_in_force == book::TimeInForce::kGtd ||
                        bytes.below(4) == 0;
  if (!extended) return;
  command.flags |= book::kExtended;
  make_terms(bytes, command);
}

inline void make_reference_data(Bytes& bytes, book::Command& command) {
  if (command.kind == book::Kind::kListInstrument) {
    command.instrument = {1 + bytes.below(2), 1 + bytes.below(2), 0, 0, 0, 0, 0, 0};
    if (bytes.below(2) == 0) command.instrument.price_high = 120;
    if (bytes.below(2) == 0) command.instrument.collar_bps = 2'000;
  } else if (command.kind == book::Kind::kSetAccount) {
    command.account_terms = {bytes.below(3), bytes.below(2) * 90, 0, bytes.below(3) * 20, 0, 0, {}};
    if (bytes.below(3) == 0) command.account_terms.rate_max = 50;
    if (bytes.below(9) != 0) command.account_terms.rate_window_ns = 1'000;
  } else if (command.kind == book::Kind::kSetHolding) {
    command.holding.position = bytes.byte() - 128;
    command.holding.position_max = bytes.below(2) * 500;
  } else if (command.kind == book::Kind::kSetLease) {
    if (bytes.below(4) != 0) command.account = 1 + bytes.below(kKnownAccounts);
    // Sums that grow with time, as the fills do; one in eight takes back what it can.
    const std::int64_t growth = 2 * command.at_ns;
    command.lease = {1 + command.at_ns / 8, growth + bytes.byte(), growth + bytes.byte(), 95 + bytes.below(30),
                     bytes.below(40), command.at_ns + 40 * bytes.byte(), {}};
    if (bytes.below(8) == 0) command.lease.buy_granted = bytes.below(2) * 50 - 1;
  }
}

// The next command. One in 64 is raw bytes, as hostile as they come.
inline book::Command make_command(Bytes& bytes, std::int64_t& time) {
  book::Command command{};
  if (bytes.below(64) == 0) {
    bytes.copy(&command, sizeof command);
    command.at_ns = time;  // Else the first such command would move the clock to its end.
    return command;
  }
  time += bytes.below(8);
  command.at_ns = time;
  command.order_id = bytes.below(200);
  command.price = 90 + bytes.below(20);
  command.quantity = bytes.below(100);
  command.symbol = 1 + bytes.below(8) / 4;
  command.account = bytes.below(5);
  command.session = bytes.below(3);
  const std::uint8_t choice = bytes.below(100);
  if (choice < 55) {
    command.kind = book::Kind::kSubmit;
    if (bytes.below(8) == 0) command.price = 0;
    make_order(bytes, command);
  } else if (choice < 70) {
    command.kind = book::Kind::kCancel;
  } else if (choice < 82) {
    command.kind = book::Kind::kReplace;
    if (bytes.below(4) == 0) command.flags = book::kExtended, command.order.stop_price = 90 + bytes.below(20);
    if (bytes.below(8) == 0) command.flags = book::kExtended, command.order.price_bound = 85 + bytes.below(30);
  } else if (choice < 90) {
    command.kind = static_cast<book::Kind>(6 + bytes.below(7));  // kRefuseReplace is the last.
    command.reason = book::Reason::kVenue;
    // A venue knows neither the grants of leases nor how small the parts of an iceberg may be here.
    if (command.kind == book::Kind::kVenueReplaced && bytes.below(2) == 0) command.quantity *= 64, command.price *= 2;
  } else if (choice < 91) {
    command.kind = book::Kind::kMassCancel;
  } else {
    const std::uint8_t kind = bytes.below(18);  // One of them does not exist; leases come more often than the others.
    command.kind = kind < 11 ? static_cast<book::Kind>(16 + kind) : book::Kind::kSetLease;
    make_reference_data(bytes, command);
  }
  return command;
}

}  // namespace fuzz
