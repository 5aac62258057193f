// One side of a book: its levels by price, its prices in order, and the best of them at hand.
#pragma once
#include <cstdint>
#include <limits>

#include "level_map.hpp"
#include "order_pool.hpp"
#include "price_list.hpp"

namespace book {

// Two cache lines and no more: the side of an order then picks its ladder by a shift.
class alignas(128) Ladder {
 public:
  explicit Ladder(Side side) : sign_(side == Side::kBuy ? 1 : -1), best_key_(kNone) {}

  // The best price; where there is none, one that no order reaches.
  std::int64_t best() const { return sign_ * best_key_; }
  // Whether a taker with that limit meets the best order here. Without a branch: half of all takers are on either side.
  bool reached_by(std::int64_t price) const { return sign_ * price <= best_key_; }
  bool empty() const { return prices_.empty(); }
  // Only of a ladder that is not empty.
  OrderIndex front() const { return levels_.at(best()).front; }
  // The level at the best price, of a ladder that is not empty; void once a level came or went.
  Level& best_level() { return levels_.slot_of(best()); }
  const Level& level(std::int64_t price) const { return levels_.at(price); }
  std::size_t levels() const { return levels_.size(); }

  // To the end of its level.
  void append(OrderPool& pool, OrderIndex index, Order& order) {
    order.next = 0;
    Level& level = levels_.slot_of(order.price);
    if (level.front == 0) return open_level(level, index, order);
    order.previous = level.back;
    pool[level.back].next = index;
    level.back = index;
  }

  void remove(OrderPool& pool, const Order& order) {
    if (order.previous != 0 && order.next != 0) {
      pool[order.previous].next = order.next;
      pool[order.next].previous = order.previous;
      return;
    }
    Level& level = levels_.slot_of(order.price);
    if (order.previous != 0) {
      pool[order.previous].next = 0;
      level.back = order.previous;
    } else if (order.next != 0) {
      pool[order.next].previous = 0;
      level.front = order.next;
    } else {
      close_level(level);
    }
  }

  // The first order of the best level leaves it. False: it was the last one there, and the level is gone.
  bool pop_front(OrderPool& pool, Level& level, const Order& first) {
    if (first.next == 0) {
      close_level(level);
      return false;
    }
    pool[first.next].previous = 0;
    level.front = first.next;
    return true;
  }

  // Calls `visit(level)` from the best price on until it returns false.
  template <class Visit>
  void visit_levels(Visit visit) const {
    prices_.visit_from_last([&](std::int64_t key) { return visit(levels_.at(sign_ * key)); });
  }

  std::size_t memory_bytes() const { return levels_.memory_bytes() + prices_.memory_bytes(); }

 private:
  // Levels come and go with one order in a hundred or less: kept outside, so that the others need not make room for it.
  [[gnu::noinline]] void open_level(Level& level, OrderIndex index, Order& order) {
    order.previous = 0;
    levels_.insert(level, {order.price, index, index});
    prices_.insert(sign_ * order.price);
    best_key_ = prices_.last();
  }

  [[gnu::noinline]] void close_level(Level& level) {
    prices_.erase(sign_ * level.price);
    levels_.erase(level);
    best_key_ = prices_.empty() ? kNone : prices_.last();
  }

  // Below every key; its negative is a number, too.
  static constexpr std::int64_t kNone = -std::numeric_limits<std::int64_t>::max();

  std::int64_t sign_;  // Prices are listed as keys, so that the best is the greatest.
  std::int64_t best_key_;
  LevelMap levels_;
  PriceList prices_;
};
static_assert(sizeof(Ladder) == 128);

}  // namespace book
