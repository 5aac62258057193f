// A live order as the core keeps it: one cache line that every command touches, and a second only for orders that need it.
#pragma once
#include <cstdint>

#include "book/messages.hpp"

namespace book {

using OrderIndex = std::uint32_t;  // Of an order in the pool; 0 is none.

// All fields are set where the order enters; nothing here is initialised twice.
struct alignas(64) Order {
  std::uint64_t order_id;  // 0: this place in the pool is free, and `next` is the next free one.
  std::int64_t price;
  std::int64_t leaves;
  std::int64_t traded;
  std::uint64_t entry;
  OrderIndex previous;  // Neighbours in its level's queue.
  OrderIndex next;
  std::uint32_t account;
  std::uint32_t session;
  std::uint32_t holding;  // Of its account in its symbol; 0: the account is not known.
  std::uint16_t symbol;
  Side side : 2;
  Type type : 3;
  TimeInForce time_in_force : 3;
  std::uint8_t flags : 4;  // kExtended: it has ColdTerms.
  SelfTrade self_trade : 3;
  Trigger trigger : 1;

  bool is(std::uint8_t flag) const { return (flags & flag) != 0; }
  bool dormant() const { return type >= Type::kStop; }
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
inline Side opposite(Side side) { return side == Side::kBuy ? Side::kSell : Side::kBuy; }
inline std::size_t side_index(Side side) { return side == Side::kBuy ? 0 : 1; }

}  // namespace book
