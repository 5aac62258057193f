// An order comes in: checked, then it waits for its trigger, is matched, rests or goes to its venue.
#include "checks.hpp"
#include "core_state.hpp"
#include "lifecycle.hpp"

namespace book {

namespace {

constexpr OrderTerms kNoTerms{};

// Nothing to trade with, and nothing that would end it for that.
template <bool kPlain>
bool rests_at_once(const Command& command, const OrderTerms& terms, const SymbolBook& book) {
  const bool stays = command.time_in_force == TimeInForce::kGtc || command.time_in_force == TimeInForce::kGtd;
  const bool may_rest = kPlain || (command.type == Type::kLimit && stays && terms.min_quantity == 0);
  return may_rest && !crosses(book, command.side, command.price);
}

}  // namespace

// Checks 3 to 17.
template <bool kPlain>
[[gnu::always_inline]] inline Reason CoreState::check_submit(const Command& command, const OrderTerms& terms,
                                                             const SymbolBook& book, std::uint32_t account) {
  Reason reason = Reason::kNone;
  // Of a plain order 3, and of 4 to 6 what has to do with other fields, cannot fail.
  if (!kPlain || !plain_amounts_fit(book, command)) {
    reason = kPlain ? check_amounts(book.terms, command) : check_terms(command, terms, book.terms, now_);
    if (reason != Reason::kNone) return reason;
  }
  const bool here = kPlain || command.venue == 0;
  if (here && book.state != TradingState::kContinuous) {
    reason = check_trading_state(command, terms, book.state);
    if (reason != Reason::kNone) return reason;
  }
  if (ids_.size() >= orders_max_) return Reason::kCoreFull;
  const bool leased = !kPlain && (command.flags & kLeased) != 0;
  if (account != 0 || book.terms.collar_bps != 0 || leased) {
    reason = check_account<kPlain>(command, terms, book, account);
    if (reason != Reason::kNone) return reason;
  }
  if (kPlain) return Reason::kNone;
  if ((command.flags & kReduceOnly) != 0) {
    reason = check_reduce_only(command, account);
    if (reason != Reason::kNone) return reason;
  }
  const bool takes = here && (command.flags & kPostOnly) != 0 && crosses(book, command.side, command.price);
  return takes ? Reason::kPostOnlyWouldTake : Reason::kNone;
}

// 9 to 15
template <bool kPlain>
[[gnu::noinline]] Reason CoreState::check_account(const Command& command, const OrderTerms& terms, const SymbolBook& book,
                                std::uint32_t account) {
  const Intent intent{command.side,  command.type,     (command.flags & kReduceOnly) != 0, true,
                      command.price, terms.stop_price, command.quantity,                   command.quantity};
  if (account != 0) {
    Account& checked = accounts_[account];
    if (const Reason reason = check_rate(checked); reason != Reason::kNone) return reason;
    if (const Reason reason = check_limits(intent, book, checked); reason != Reason::kNone) return reason;
  }
  if (!kPlain && (command.flags & kLeased) != 0) {
    const Reason reason = check_lease(intent, accounts_.find_holding(command.account, book.symbol));
    if (reason != Reason::kNone) return reason;
  }
  return check_collar(intent, book);
}

// 16
Reason CoreState::check_reduce_only(const Command& command, std::uint32_t account) const {
  if (account == 0) return Reason::kUnknownAccount;
  if (is_dormant_type(command.type)) return Reason::kNone;
  const std::int64_t held = position(command.account, command.symbol);
  const bool reduces = command.side == Side::kBuy ? held < 0 : held > 0;
  return reduces ? Reason::kNone : Reason::kReduceOnly;
}

// Nearly every order is plain: compiled for those alone, nothing is asked that is known of them.
void CoreState::submit(const Command& command, IdMap::Start start) {
  if (is_plain(command)) return take_in<true>(command, kNoTerms, start);
  submit_special(command, start);
}

// Outside of submit(), as all that is rare: what is left there needs fewer registers and less of the stack.
[[gnu::noinline]] void CoreState::submit_special(const Command& command, IdMap::Start start) {
  if (!readable(command)) return reject(command.order_id, command.symbol, Reason::kInvalidTerms);
  take_in<false>(command, (command.flags & kExtended) != 0 ? command.order : kNoTerms, start);
}

template <bool kPlain>
[[gnu::always_inline]] inline void CoreState::take_in(const Command& command, const OrderTerms& terms, IdMap::Start start) {
  SymbolBook* const book = book_of(command.symbol);
  if (book == nullptr) return reject(command.order_id, command.symbol, Reason::kUnknownSymbol);
  const IdMap::Place place = ids_.find(start, command.order_id, pool_);
  if (command.order_id == 0 || place.index != 0) {
    return reject(command.order_id, command.symbol, Reason::kDuplicateOrderId);
  }
  const std::uint32_t account = accounts_.find(command.account);
  if (const Reason reason = check_submit<kPlain>(command, terms, *book, account); reason != Reason::kNone) {
    return reject(command.order_id, command.symbol, reason);
  }
  const OrderIndex index = enter<kPlain>(command, terms, *book, account, place);
  Order& order = pool_[index];
  const bool here = kPlain || command.venue == 0;
  // From the command: the order was written this moment, and to read it back would wait for that.
  // Before the event is made, whose fields are zero first: they might be the command's, for all a compiler knows.
  const std::int64_t price = command.price, quantity = command.quantity;
  Event& event = emit(here ? EventKind::kAccepted : EventKind::kRouted, command.order_id, book->symbol);
  event.price = price;
  event.quantity = quantity;
  event.leaves = quantity;
  if (!here) return;
  if (!kPlain && order.dormant()) {
    wait_for_trigger(*book, index, order);
  } else if (book->state == TradingState::kAuction || rests_at_once<kPlain>(command, terms, *book)) {
    rest<kPlain>(*book, index, order);
  } else {
    execute(*book, index, terms.min_quantity);
  }
}

void CoreState::keep_terms(OrderIndex index, const Order& order, const Command& command, const OrderTerms& terms) {
  ColdTerms& cold = pool_.warm_cold(index);
  cold = ColdTerms{};
  cold.stop_price = terms.stop_price;
  cold.display_quantity = terms.display_quantity;
  cold.expire_at_ns = terms.expire_at_ns;
  cold.price_bound = terms.price_bound;
  cold.venue = command.venue;
  if (!expires(index, order)) return;
  expiry_.insert(pool_, terms.expire_at_ns, index);
  next_expiry_ = expiry_.least().key;
}

}  // namespace book
