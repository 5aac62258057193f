// A live order as the core keeps it: one cache line that every command touches, and a second only for orders that need it.
#pragma once
#include <cstdint>

#include "book/messages.hpp"

namespace book {

inline constexpr std::uint64_t kEntryMax = (std::uint64_t{1} << 56) - 1;

using OrderIndex = std::uint32_t;  // Of an order in the pool; 0 is none.

// All fields are set where the order enters; nothing here is initialised twice.
struct alignas(64) Order {
  std::uint64_t order_id;  // 0: this place in the pool is free, and `next` is the next free one.
  std::int64_t price;
  std::int64_t leaves;
  std::uint64_t traded_ : 48;  // Less than kQuantityMax while something is left.
  std::uint64_t symbol_ : 16;
  std::uint64_t entry : 56;
  SelfTrade self_trade : 4;
  Trigger trigger : 4;
  OrderIndex previous;  // Neighbours in its level's queue.
  OrderIndex next;
  std::uint32_t account;
  std::uint32_t session;
  std::uint32_t holding;  // Of its account in its symbol; 0: the account is not known.
  Side side;
  Type type;
  TimeInForce time_in_force;
  std::uint8_t flags;  // kExtended: it has ColdTerms.

  bool is(std::uint8_t flag) const { return (flags & flag) != 0; }
  bool dormant() const { return type >= Type::kStop; }
  // A signed number of all its bits: what is compared with others must not become unsigned.
  std::int64_t traded() const { return static_cast<std::int64_t>(traded_); }
  void set_traded(std::int64_t quantity) { traded_ = static_cast<std::uint64_t>(quantity) & 0xFFFF'FFFF'FFFFu; }
  std::uint16_t symbol() const { return static_cast<std::uint16_t>(symbol_); }
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
