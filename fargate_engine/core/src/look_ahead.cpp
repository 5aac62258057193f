// How much an order would trade at once, found by the walk of match.cpp on paper.
#include <algorithm>

#include "core_state.hpp"
#include "lifecycle.hpp"

namespace book {

// The taker's side of the walk; a maker is copied when it is met.
struct CoreState::Walk {
  const Order& taker;
  std::int64_t left;
  std::int64_t traded;
  Reason stopped;  // kNone: it goes on.
};

// kNone if at least `wanted` would trade, else why not.
Reason CoreState::look_ahead(const SymbolBook& book, OrderIndex index, const Order& taker, std::int64_t wanted) {
  ++look_aheads_;
  Walk walk{taker, taker.leaves, 0, Reason::kNone};
  const auto goes_on = [&] { return walk.stopped == Reason::kNone && walk.left != 0 && walk.traded < wanted; };
  book.side(opposite(taker.side)).visit_levels([&](const Level& level) {
    walk.stopped = refuse_level(index, taker, level.price);
    ahead_queue_.clear();
    for (OrderIndex at = level.front; at != 0 && goes_on(); at = pool_[at].next) {
      walk_maker(walk, at, pool_[at].leaves, shown(at, pool_[at]));
    }
    // Icebergs come again behind the others, in the order in which their shown parts were used up: round by round.
    while (!ahead_queue_.empty() && goes_on()) {
      ahead_round_.swap(ahead_queue_);
      ahead_queue_.clear();
      for (std::size_t i = 0; i < ahead_round_.size() && goes_on(); ++i) {
        const AheadMaker& again = ahead_round_[i];
        walk_maker(walk, again.order, again.leaves, std::min(again.leaves, pool_.cold(again.order).display_quantity));
      }
    }
    return goes_on();
  });
  if (walk.traded >= wanted) return Reason::kNone;
  if (walk.stopped == Reason::kPriceBand || walk.stopped == Reason::kSelfTrade) return walk.stopped;
  return taker.time_in_force == TimeInForce::kFok ? Reason::kFokNotFillable : Reason::kMinQuantity;
}

// One maker at the front of its level, until it is no longer there or the walk ends.
void CoreState::walk_maker(Walk& walk, OrderIndex index, std::int64_t leaves, std::int64_t shown) {
  const Order& maker = pool_[index];
  const Order& taker = walk.taker;
  if (taker.self_trade() != SelfTrade::kAllow && same_owner(taker, maker)) {
    if (taker.self_trade() == SelfTrade::kCancelOldest) return;
    if (taker.self_trade() == SelfTrade::kDecrement) {
      walk.left -= std::min(walk.left, leaves);
      if (walk.left == 0) walk.stopped = Reason::kSelfTrade;  // As the walk itself would end it.
    } else {
      walk.stopped = Reason::kSelfTrade;
    }
    return;
  }
  const std::int64_t maker_allowance = allowance_ahead(maker);
  if (maker_allowance == 0) return;
  const std::int64_t taker_allowance = allowance_ahead(taker);
  if (taker_allowance == 0) {
    walk.stopped = Reason::kReduceOnly;
    return;
  }
  const std::int64_t quantity = std::min({walk.left, shown, maker_allowance, taker_allowance});
  walk.left -= quantity;
  walk.traded += quantity;
  move_ahead(taker, quantity);
  move_ahead(maker, quantity);
  if (quantity == taker_allowance && walk.left != 0) walk.stopped = Reason::kReduceOnly;
  if (quantity == shown && quantity < leaves && quantity != maker_allowance) {
    ahead_queue_.push_back({index, leaves - quantity});
  }
}

std::int64_t CoreState::allowance_ahead(const Order& order) const {
  if (!order.is(kReduceOnly)) return INT64_MAX;
  const Holding& holding = accounts_.holding(order.holding);
  const std::int64_t moved = holding.look_ahead == look_aheads_ ? holding.look_ahead_moved : 0;
  const std::int64_t position = holding.position + moved;
  return std::max<std::int64_t>(buys(order) ? -position : position, 0);
}

void CoreState::move_ahead(const Order& order, std::int64_t quantity) {
  if (order.holding == 0) return;
  Holding& holding = accounts_.holding(order.holding);
  if (holding.look_ahead != look_aheads_) holding.look_ahead_moved = 0;
  holding.look_ahead = look_aheads_;
  holding.look_ahead_moved += sign_of(order.side) * quantity;
}

}  // namespace book
