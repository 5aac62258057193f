// Cancel, and mass cancel.
#include <algorithm>

#include "core_state.hpp"
#include "lifecycle.hpp"

namespace book {

void CoreState::cancel(const Command& command, IdMap::Start start) {
  const IdMap::Place place = ids_.find(start, command.order_id, pool_);
  if (place.index == 0) {
    emit(EventKind::kCancelRejected, command.order_id, 0, Reason::kUnknownOrder);
    return;
  }
  Order& order = pool_[place.index];
  if (order.is(kExtended)) return cancel_live(place.index, Reason::kNone);
  // Plain orders are in the book, and their id is found already.
  SymbolBook& book = *books_[order.symbol()];
  emit(EventKind::kCanceled, order.order_id, order.symbol()).quantity = order.leaves;
  book.side(order.side).remove(pool_, order);
  ids_.erase_at(place.slot);
  forget_but_id(book, place.index, order);
}

void CoreState::cancel_live(OrderIndex index, Reason reason) {
  const Order& order = pool_[index];
  if (routed(index, order)) {
    emit(EventKind::kCancelRequested, order.order_id, order.symbol(), reason);
    return;
  }
  end(*books_[order.symbol()], index, EventKind::kCanceled, reason);
}

void CoreState::mass_cancel(const Command& command) {
  chosen_.clear();
  pool_.for_each([&](OrderIndex index, const Order& order) {
    if (command.account != 0 && command.account != order.account) return;
    if (command.session != 0 && command.session != order.session) return;
    if (command.symbol != 0 && command.symbol != order.symbol()) return;
    chosen_.push_back(index);
  });
  std::sort(chosen_.begin(), chosen_.end(),
            [&](OrderIndex a, OrderIndex b) { return pool_[a].entry() < pool_[b].entry(); });
  for (const OrderIndex index : chosen_) cancel_live(index, Reason::kMassCancel);
}

}  // namespace book
