// An incoming order meets the book: price, then time.
#include <algorithm>

#include "core_state.hpp"
#include "lifecycle.hpp"

namespace book {

namespace {

constexpr std::int64_t kUnlimited = INT64_MAX;

}  // namespace

void CoreState::execute(SymbolBook& book, OrderIndex index, std::int64_t min_quantity) {
  Order& order = pool_[index];
  const bool all = order.time_in_force == TimeInForce::kFok;
  if (all || min_quantity > 0) {
    const Reason refused = look_ahead(book, index, order, all ? order.leaves : min_quantity);
    if (refused != Reason::kNone) return end_loose(book, index, EventKind::kCanceled, refused);
  }
  const Reason stopped = match(book, index, order);
  if (order.leaves == 0) return forget(book, index, order);
  const bool stays = order.type == Type::kLimit && (order.time_in_force == TimeInForce::kGtc ||
                                                    order.time_in_force == TimeInForce::kGtd);
  if (stopped == Reason::kNoLiquidity && stays) return rest(book, index, order);
  end_loose(book, index, EventKind::kCanceled, stopped);
}

// Trades what can be traded, and says why it stopped: kNoLiquidity if the order may still rest.
Reason CoreState::match(SymbolBook& book, OrderIndex index, Order& taker) {
  Ladder& makers = book.side(opposite(taker.side));
  while (taker.leaves != 0) {
    if (makers.empty()) return Reason::kNoLiquidity;
    const std::int64_t price = makers.best();
    if (const Reason refused = refuse_level(index, taker, price); refused != Reason::kNone) return refused;
    Level& level = makers.best_level();
    const OrderIndex maker_index = level.front;
    Order& maker = pool_[maker_index];
    if (is_simple_pair(taker, maker)) {
      take_simple(book, makers, level, taker);
      continue;
    }
    if (taker.self_trade() != SelfTrade::kAllow && same_owner(taker, maker)) {
      if (taker.self_trade() == SelfTrade::kCancelNewest) return Reason::kSelfTrade;
      if (taker.self_trade() == SelfTrade::kDecrement) {
        lessen_both(book, maker_index, maker, index, taker);
        continue;
      }
      const bool both = taker.self_trade() == SelfTrade::kCancelBoth;
      end(book, maker_index, EventKind::kCanceled, Reason::kSelfTrade);
      if (both) return Reason::kSelfTrade;
      continue;
    }
    const std::int64_t maker_allowance = allowance(maker);
    if (maker_allowance == 0) {
      end(book, maker_index, EventKind::kCanceled, Reason::kReduceOnly);
      continue;
    }
    const std::int64_t taker_allowance = allowance(taker);
    if (taker_allowance == 0) return Reason::kReduceOnly;
    const std::int64_t quantity =
        std::min({taker.leaves, shown(maker_index, maker), maker_allowance, taker_allowance});
    trade(book, taker, maker, price, quantity);
    after_trade(book, maker_index, maker, quantity, maker_allowance);
    if (quantity == taker_allowance && taker.leaves != 0) return Reason::kReduceOnly;
  }
  return Reason::kNone;
}

// Nothing but price and time counts between the two: no iceberg, no bound of a position, no self-trade to prevent.
bool CoreState::is_simple_pair(const Order& taker, const Order& maker) const {
  return ((taker.flags | maker.flags) & (kExtended | kReduceOnly)) == 0 &&
         (taker.self_trade() == SelfTrade::kAllow || !same_owner(taker, maker));
}

// What match() does with most makers that most takers meet, without asking each time what is known of them: down one
// level, as long as they are simple.
void CoreState::take_simple(SymbolBook& book, Ladder& makers, Level& level, Order& taker) {
  const std::int64_t price = level.price;
  do {
    const OrderIndex maker_index = level.front;
    Order& maker = pool_[maker_index];
    trade(book, taker, maker, price, std::min(taker.leaves, maker.leaves));
    if (maker.leaves != 0) return;
    const bool more = makers.pop_front(pool_, level, maker);
    forget(book, maker_index, maker);
    if (!more) return;
  } while (taker.leaves != 0 && is_simple_pair(taker, pool_[level.front]));
}

// Why the taker does not trade at this level: kNone if it does.
Reason CoreState::refuse_level(OrderIndex index, const Order& taker, std::int64_t level_price) const {
  const bool market = taker.type == Type::kMarket;
  if (!market || taker.price != 0) {
    const bool worse = sign_of(taker.side) * (level_price - taker.price) > 0;
    if (worse) return market ? Reason::kPriceBand : Reason::kNoLiquidity;
  }
  if (taker.is(kExtended | kLeased) && beyond_bound(index, taker, level_price)) return Reason::kPriceBand;
  return Reason::kNone;
}

bool CoreState::beyond_bound(OrderIndex index, const Order& order, std::int64_t price) const {
  if (order.is(kLeased) && !buys(order) && price > accounts_.lease_of(order.holding).price_high) return true;
  const std::int64_t bound = order.is(kExtended) ? pool_.cold(index).price_bound : 0;
  return bound != 0 && (buys(order) ? price < bound : price > bound);
}

bool CoreState::same_owner(const Order& taker, const Order& maker) const {
  if (taker.account == maker.account) return taker.account != 0;
  if (!taker.is(kFirmSelfTrade) || taker.holding == 0 || maker.holding == 0) return false;
  const std::int64_t firm = accounts_[accounts_.holding(taker.holding).account_index].terms.firm;
  return firm != 0 && firm == accounts_[accounts_.holding(maker.holding).account_index].terms.firm;
}

// Both lose what the smaller has left, without a trade. A taker that comes to nothing is left to the caller.
void CoreState::lessen_both(SymbolBook& book, OrderIndex maker_index, Order& maker, OrderIndex taker_index,
                            Order& taker) {
  const std::int64_t quantity = std::min(maker.leaves, taker.leaves);
  lessen(maker_index, maker, quantity);
  lessen(taker_index, taker, quantity);
  if (maker.leaves == 0) drop(book, maker_index);
}

void CoreState::lessen(OrderIndex index, Order& order, std::int64_t quantity) {
  order.leaves -= quantity;
  count_open(order, -quantity);
  const EventKind kind = order.leaves == 0 ? EventKind::kCanceled : EventKind::kReduced;
  Event& event = emit(kind, order.order_id, order.symbol(), Reason::kSelfTrade);
  event.quantity = quantity;
  event.leaves = order.leaves;
  if (order.is(kExtended)) pool_.cold(index).shown = std::min(pool_.cold(index).shown, order.leaves);
}

void CoreState::trade(SymbolBook& book, Order& taker, Order& maker, std::int64_t price, std::int64_t quantity) {
  for (Order* order : {&taker, &maker}) {
    order->leaves -= quantity;
    order->set_traded(order->traded() + quantity);
    count_fill(*order, quantity, price);
  }
  Event& event = emit(EventKind::kTraded, taker.order_id, taker.symbol());
  ++next_seq_;
  event.maker_id = maker.order_id;
  event.price = price;
  event.quantity = quantity;
  event.leaves = taker.leaves;
  event.maker_leaves = maker.leaves;
  book.last = price;
  touched_ = &book;
}

// What becomes of an order in the book after it traded.
void CoreState::after_trade(SymbolBook& book, OrderIndex index, Order& order, std::int64_t quantity,
                            std::int64_t allowance) {
  if (order.leaves == 0) return drop(book, index);
  if (quantity == allowance) return end(book, index, EventKind::kCanceled, Reason::kReduceOnly);
  if (!order.is(kExtended)) return;
  ColdTerms& cold = pool_.cold(index);
  if (cold.display_quantity == 0) return;
  cold.shown -= quantity;
  if (cold.shown != 0) return;
  cold.shown = std::min(cold.display_quantity, order.leaves);
  Ladder& ladder = book.side(order.side);
  ladder.remove(pool_, order);
  ladder.append(pool_, index, order);
}

// What an order may trade now: what closes its account's position if it is reduce-only.
std::int64_t CoreState::allowance(const Order& order) const {
  if (!order.is(kReduceOnly)) return kUnlimited;
  const std::int64_t position = accounts_.holding(order.holding).position;
  return std::max<std::int64_t>(buys(order) ? -position : position, 0);
}

}  // namespace book
