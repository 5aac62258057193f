// How orders enter, come to rest and end: short, and on the way of nearly every command, so it is inlined.
#pragma once
#include <algorithm>

#include "core_state.hpp"

namespace book {

// All but the place in the book, at a venue or among those that wait. `place` is where its id was looked for.
// Inlined by force: a compiler that leaves it outside costs each submit about a nanosecond.
template <bool kPlain>
[[gnu::always_inline]] inline OrderIndex CoreState::enter(const Command& command, const OrderTerms& terms, SymbolBook& book,
                                   std::uint32_t account, const IdMap::Place& place) {
  const OrderIndex index = pool_.take();
  ids_.insert(place, index);
  Order& order = pool_[index];
  order.order_id = command.order_id;
  order.price = command.price;
  order.leaves = command.quantity;
  order.set_parts(book.symbol, next_entry_++, command.self_trade, command.trigger);
  order.account = command.account;
  order.session = command.session;
  order.holding = account == 0 ? 0 : accounts_.find_or_add_holding(account, book.symbol);
  order.side = command.side;
  order.type = kPlain ? Type::kLimit : command.type;
  order.time_in_force = kPlain ? TimeInForce::kGtc : command.time_in_force;
  order.flags = kPlain ? std::uint8_t{0} : command.venue == 0 ? command.flags : static_cast<std::uint8_t>(command.flags | kExtended);
  ++book.live_orders;
  if (!kPlain && order.is(kExtended)) keep_terms(index, order, command, terms);
  if (account != 0) {
    ++accounts_[account].live_orders;
    count_open(order, order.leaves);
    if (!kPlain && order.is(kLeased)) ++accounts_.lease_of(order.holding).live_orders;
  } else if (command.account != 0) {
    ++unchecked_orders_;
  }
  return index;
}

inline void CoreState::end(SymbolBook& book, OrderIndex index, EventKind kind, Reason reason) {
  unlink(book, index, pool_[index]);
  end_loose(book, index, kind, reason);
}

inline void CoreState::end_loose(SymbolBook& book, OrderIndex index, EventKind kind, Reason reason) {
  Order& order = pool_[index];
  emit(kind, order.order_id, order.symbol(), reason).quantity = order.leaves;
  forget(book, index, order);
}

// One that came to nothing, which an event has said.
inline void CoreState::drop(SymbolBook& book, OrderIndex index) {
  unlink(book, index, pool_[index]);
  forget(book, index, pool_[index]);
}

inline void CoreState::unlink(SymbolBook& book, OrderIndex index, const Order& order) {
  // Only those with cold terms can be elsewhere than in the book.
  if (order.is(kExtended)) {
    if (routed(index, order)) return;
    if (order.dormant()) return stop_waiting(book, index, order);
  }
  book.side(order.side).remove(pool_, order);
}

inline void CoreState::forget(SymbolBook& book, OrderIndex index, Order& order) {
  ids_.erase(order.order_id, index);
  forget_but_id(book, index, order);
}

inline void CoreState::forget_but_id(SymbolBook& book, OrderIndex index, Order& order) {
  if (order.is(kExtended | kLeased)) forget_specials(index, order);
  --book.live_orders;
  if (order.holding != 0) {
    count_open(order, -order.leaves);
    --accounts_[accounts_.holding(order.holding).account_index].live_orders;
  } else if (order.account != 0) {
    --unchecked_orders_;
  }
  pool_.give_back(index);
}

// What only few orders have.
inline void CoreState::forget_specials(OrderIndex index, const Order& order) {
  if (order.is(kLeased)) --accounts_.lease_of(order.holding).live_orders;
  if (!order.is(kExtended) || !expires(index, order)) return;
  expiry_.remove(pool_, index);
  next_expiry_ = expiry_.empty() ? INT64_MAX : expiry_.least().key;
}

inline std::int64_t CoreState::shown(OrderIndex index, const Order& order) const {
  if (!order.is(kExtended)) return order.leaves;
  const ColdTerms& cold = pool_.cold(index);
  return cold.display_quantity == 0 ? order.leaves : cold.shown;
}

template <bool kPlain>
inline void CoreState::rest(SymbolBook& book, OrderIndex index, Order& order) {
  if (!kPlain && order.is(kExtended)) {
    ColdTerms& cold = pool_.cold(index);
    cold.shown = std::min(cold.display_quantity, order.leaves);
  }
  book.side(order.side).append(pool_, index, order);
}

}  // namespace book
