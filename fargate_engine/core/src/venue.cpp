// What an outside venue said of an order that is there.
#include "checks.hpp"
#include "core_state.hpp"
#include "lifecycle.hpp"

namespace book {

void CoreState::venue_report(const Command& command) {
  const OrderIndex index = ids_.find(command.order_id, pool_).index;
  if (index == 0 || !routed(index, pool_[index])) return;
  Order& order = pool_[index];
  SymbolBook& book = *books_[order.symbol()];
  switch (command.kind) {
    case Kind::kVenueAccepted:
      if (pool_.cold(index).accepted != 0) return;
      pool_.cold(index).accepted = 1;
      return emit_terms(EventKind::kAccepted, order);
    case Kind::kVenueFilled:
      return venue_fill(command, book, index);
    case Kind::kVenueRejected:
      emit(EventKind::kRejected, order.order_id, order.symbol(), command.reason);
      return forget(book, index, order);
    case Kind::kVenueCanceled:
      return end_loose(book, index, EventKind::kCanceled, command.reason);
    case Kind::kVenueReplaced:
      return venue_replace(command, index);
    default:
      return end_loose(book, index, EventKind::kExpired, Reason::kNone);
  }
}

void CoreState::venue_fill(const Command& command, SymbolBook& book, OrderIndex index) {
  Order& order = pool_[index];
  if (command.quantity < 1) return reject(order.order_id, order.symbol(), Reason::kInvalidQuantity);
  if (command.price < 1 || command.price > kPriceMax) return reject(order.order_id, order.symbol(), Reason::kInvalidPrice);
  if (command.quantity > order.leaves) return reject(order.order_id, order.symbol(), Reason::kOverflow);
  if (order.holding != 0) {
    Holding after = accounts_.holding(order.holding);
    after.position += sign_of(order.side) * command.quantity;
    if (!order.is(kReduceOnly)) after.open[side_index(order.side)] -= command.quantity;
    if (!fits(after)) return reject(order.order_id, order.symbol(), Reason::kOverflow);
  }
  count_fill(order, command.quantity, command.price);
  order.leaves -= command.quantity;
  order.set_traded(order.traded() + command.quantity);
  Event& event = emit(EventKind::kVenueFilled, order.order_id, order.symbol());
  event.price = command.price;
  event.quantity = command.quantity;
  event.leaves = order.leaves;
  if (order.leaves == 0) forget(book, index, order);
}

void CoreState::venue_replace(const Command& command, OrderIndex index) {
  Order& order = pool_[index];
  const auto refuse = [&](Reason reason) { emit(EventKind::kReplaceRejected, order.order_id, order.symbol(), reason); };
  if (command.quantity <= order.traded()) return refuse(Reason::kTooLate);
  if (command.quantity > kQuantityMax) return refuse(Reason::kInvalidQuantity);
  if (command.price < 1 || command.price > kPriceMax) return refuse(Reason::kInvalidPrice);
  const std::int64_t leaves = command.quantity - order.traded();
  if (order.holding != 0 && !order.is(kReduceOnly)) {
    Holding after = accounts_.holding(order.holding);
    after.open[side_index(order.side)] += leaves - order.leaves;
    if (!fits(after)) return refuse(Reason::kOverflow);
  }
  if (order.is(kLeased)) {  // What is granted is not asked: the order is there.
    const std::int64_t used = accounts_.lease_of(order.holding).used(side_index(order.side));
    if (leaves - order.leaves > INT64_MAX - used) return refuse(Reason::kOverflow);
  }
  count_open(order, leaves - order.leaves);
  order.price = command.price;
  order.leaves = leaves;
  emit_terms(EventKind::kReplaced, order);
}

}  // namespace book
