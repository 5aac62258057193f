// How orders end.
#include "core_state.hpp"

namespace book {

void CoreState::end(SymbolBook& book, OrderIndex index, EventKind kind, Reason reason) {
  unlink(book, index, pool_[index]);
  end_loose(book, index, kind, reason);
}

void CoreState::end_loose(SymbolBook& book, OrderIndex index, EventKind kind, Reason reason) {
  Order& order = pool_[index];
  emit(kind, order.order_id, order.symbol, reason).quantity = order.leaves;
  forget(book, index, order);
}

// One that came to nothing, which an event has said.
void CoreState::drop(SymbolBook& book, OrderIndex index) {
  unlink(book, index, pool_[index]);
  forget(book, index, pool_[index]);
}

void CoreState::unlink(SymbolBook& book, OrderIndex index, const Order& order) {
  if (routed(index, order)) return;
  if (order.dormant()) return stop_waiting(book, index, order);
  book.side(order.side).remove(pool_, order);
}

void CoreState::forget(SymbolBook& book, OrderIndex index, Order& order) {
  if (expires(index, order)) {
    expiry_.remove(pool_, index);
    next_expiry_ = expiry_.empty() ? INT64_MAX : expiry_.least().key;
  }
  --book.live_orders;
  if (order.holding != 0) {
    count_open(order, -order.leaves);
    --accounts_[accounts_.holding(order.holding).account_index].live_orders;
  } else if (order.account != 0) {
    --unchecked_orders_;
  }
  ids_.erase(order.order_id, index);
  pool_.give_back(index);
}

}  // namespace book
