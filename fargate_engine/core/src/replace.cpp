// An order gets another price or quantity: in its place if it only gets smaller, else as if it came anew.
#include <algorithm>

#include "checks.hpp"
#include "core_state.hpp"
#include "lifecycle.hpp"

namespace book {

void CoreState::replace(const Command& command) {
  const OrderIndex index = ids_.find(command.order_id, pool_).index;
  if (index == 0) {
    emit(EventKind::kReplaceRejected, command.order_id, 0, Reason::kUnknownOrder);
    return;
  }
  Order& order = pool_[index];
  SymbolBook& book = *books_[order.symbol()];
  std::int64_t stop_price = order.dormant() ? pool_.cold(index).stop_price : 0;
  const std::int64_t old_stop_price = stop_price;
  if (order.dormant() && (command.flags & kExtended) != 0) stop_price = command.order.stop_price;
  // Any bytes may be a quantity: what is not more than has traded is refused below.
  const std::int64_t leaves = std::max(command.quantity, order.traded()) - order.traded();
  const bool keeps_place = command.price == order.price && stop_price == old_stop_price && leaves <= order.leaves;

  const Reason reason = check_replace(command, book, index, stop_price, keeps_place);
  if (reason != Reason::kNone) {
    emit(EventKind::kReplaceRejected, order.order_id, order.symbol(), reason);
    return;
  }
  if (routed(index, order)) {
    emit(EventKind::kReplaceRequested, order.order_id, order.symbol());
    return;
  }
  if (!keeps_place) {
    if (order.is(kExtended)) pool_.cold(index).price_bound = bound_after(command, index);
    unlink(book, index, order);
  }
  count_open(order, leaves - order.leaves);
  order.price = command.price;
  order.leaves = leaves;
  if (keeps_place) {
    if (order.is(kExtended)) pool_.cold(index).shown = std::min(pool_.cold(index).shown, leaves);
    return emit_terms(EventKind::kReplaced, order);
  }
  order.set_entry(next_entry_++);
  emit_terms(EventKind::kReplaced, order);
  if (!order.dormant()) return execute(book, index, 0);
  pool_.cold(index).stop_price = stop_price;
  pool_.cold(index).trailing_price = 0;
  wait_for_trigger(book, index, order);
}

void CoreState::refuse_replace(const Command& command) {
  const OrderIndex index = ids_.find(command.order_id, pool_).index;
  const std::uint32_t symbol = index == 0 ? 0 : pool_[index].symbol();
  emit(EventKind::kReplaceRejected, command.order_id, symbol, command.reason);
}

// Of an order with cold terms: one without a bound gets none, as it would not outlive a snapshot.
std::int64_t CoreState::bound_after(const Command& command, OrderIndex index) const {
  const std::int64_t before = pool_.cold(index).price_bound;
  const bool tells = (command.flags & kExtended) != 0 && command.order.price_bound != 0;
  return before != 0 && tells ? command.order.price_bound : before;
}

Reason CoreState::check_replace(const Command& command, const SymbolBook& book, OrderIndex index,
                                std::int64_t stop_price, bool keeps_place) {
  const Order& order = pool_[index];
  const bool here = !routed(index, order);
  if (!here && pool_.cold(index).accepted == 0) return Reason::kTooLate;
  if (command.quantity <= order.traded()) return Reason::kTooLate;
  Reason reason = check_quantity(book.terms, command.quantity);
  if (reason != Reason::kNone) return reason;
  const bool has_cold = order.is(kExtended);
  if (has_cold && !iceberg_ends(pool_.cold(index).display_quantity, command.quantity)) return Reason::kInvalidQuantity;

  Account* const account =
      order.holding == 0 ? nullptr : &accounts_[accounts_.holding(order.holding).account_index];
  if (keeps_place) return account == nullptr ? Reason::kNone : check_rate(*account);

  reason = check_prices(book.terms, order.side, order.type, command.price, stop_price,
                        has_cold ? bound_after(command, index) : 0);
  if (reason != Reason::kNone) return reason;
  if (here && book.state == TradingState::kHalted) return Reason::kHalted;
  if (here && book.state == TradingState::kAuction) return Reason::kNotInAuction;
  const Intent intent{order.side,    order.type, order.is(kReduceOnly), false,
                      command.price, stop_price, command.quantity,      command.quantity - order.traded() - order.leaves};
  if (account != nullptr) {
    reason = check_rate(*account);
    if (reason != Reason::kNone) return reason;
    reason = check_limits(intent, book, *account);
    if (reason != Reason::kNone) return reason;
  }
  if (order.is(kLeased)) {
    reason = check_lease(intent, order.holding);
    if (reason != Reason::kNone) return reason;
  }
  reason = check_collar(intent, book);
  if (reason != Reason::kNone) return reason;
  const bool takes = here && order.is(kPostOnly) && crosses(book, order.side, command.price);
  return takes ? Reason::kPostOnlyWouldTake : Reason::kNone;
}

}  // namespace book
