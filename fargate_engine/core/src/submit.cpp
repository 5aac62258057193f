// An order comes in: checked, then it waits for its trigger, is matched, rests or goes to its venue.
#include "checks.hpp"
#include "core_state.hpp"
#include "leave.hpp"

namespace book {

namespace {

constexpr OrderTerms kNoTerms{};

// Nothing to trade with, and nothing that would end it for that.
bool rests_at_once(const Command& command, const OrderTerms& terms, const SymbolBook& book) {
  const bool stays = command.time_in_force == TimeInForce::kGtc || command.time_in_force == TimeInForce::kGtd;
  return command.type == Type::kLimit && stays && terms.min_quantity == 0 &&
         !crosses(book, command.side, command.price);
}

}  // namespace

// Checks 3 to 16.
inline Reason CoreState::check_submit(const Command& command, const OrderTerms& terms, const SymbolBook& book,
                                      std::uint32_t account) {
  Reason reason = check_kind(command, terms, now_);
  if (reason != Reason::kNone) return reason;
  reason = check_amounts(command, terms, book.terms);
  if (reason != Reason::kNone) return reason;
  const bool here = command.venue == 0;
  if (here && book.state != TradingState::kContinuous) {
    reason = check_trading_state(command, terms, book.state);
    if (reason != Reason::kNone) return reason;
  }
  if (ids_.size() >= orders_max_) return Reason::kCoreFull;
  const bool reduce_only = (command.flags & kReduceOnly) != 0;
  const Intent intent{command.side,  command.type,     reduce_only,      true,
                      command.price, terms.stop_price, command.quantity, command.quantity};
  if (account != 0) {
    Account& checked = accounts_[account];
    reason = check_rate(checked);
    if (reason != Reason::kNone) return reason;
    reason = check_limits(intent, book, checked);
    if (reason != Reason::kNone) return reason;
  }
  if (book.terms.collar_bps != 0) {
    reason = check_collar(intent, book);
    if (reason != Reason::kNone) return reason;
  }
  if (reduce_only) {
    reason = check_reduce_only(command, account);
    if (reason != Reason::kNone) return reason;
  }
  const bool takes = here && (command.flags & kPostOnly) != 0 && crosses(book, command.side, command.price);
  return takes ? Reason::kPostOnlyWouldTake : Reason::kNone;
}

// 15
Reason CoreState::check_reduce_only(const Command& command, std::uint32_t account) const {
  if (account == 0) return Reason::kUnknownAccount;
  if (is_dormant_type(command.type)) return Reason::kNone;
  const std::int64_t held = position(command.account, command.symbol);
  const bool reduces = command.side == Side::kBuy ? held < 0 : held > 0;
  return reduces ? Reason::kNone : Reason::kReduceOnly;
}

// Also for an order of a snapshot.
OrderIndex CoreState::enter(const Command& command, const OrderTerms& terms, SymbolBook& book, std::uint32_t account,
                            const IdMap::Place& place) {
  const OrderIndex index = pool_.take();
  ids_.insert(place, index);
  Order& order = pool_[index];
  order.order_id = command.order_id;
  order.price = command.price;
  order.leaves = command.quantity;
  order.traded = 0;
  order.entry = next_entry_++;
  order.account = command.account;
  order.session = command.session;
  order.holding = account == 0 ? 0 : accounts_.find_or_add_holding(account, book.symbol);
  order.symbol = book.symbol;
  order.side = command.side;
  order.type = command.type;
  order.time_in_force = command.time_in_force;
  order.flags = command.flags & 15u;
  order.self_trade = command.self_trade;
  order.trigger = command.trigger;
  if (command.venue != 0) order.flags |= kExtended;
  if (order.is(kExtended)) {
    pool_.warm_cold(index) = ColdTerms{terms.stop_price, 0,           terms.display_quantity, 0, terms.expire_at_ns,
                                  terms.price_bound, 0,          0,                      command.venue, 0};
  }
  if (expires(index, order)) {
    expiry_.insert(pool_, terms.expire_at_ns, index);
    next_expiry_ = expiry_.least().key;
  }
  ++book.live_orders;
  if (account != 0) ++accounts_[account].live_orders;
  if (account == 0 && command.account != 0) ++unchecked_orders_;
  count_open(order, order.leaves);
  return index;
}

void CoreState::submit(const Command& command) {
  if (!readable(command)) return reject(command.order_id, command.symbol, Reason::kInvalidTerms);
  SymbolBook* const book = book_of(command.symbol);
  if (book == nullptr) return reject(command.order_id, command.symbol, Reason::kUnknownSymbol);
  const IdMap::Place place = ids_.find(command.order_id, pool_);
  if (command.order_id == 0 || place.index != 0) {
    return reject(command.order_id, command.symbol, Reason::kDuplicateOrderId);
  }
  const OrderTerms& terms = (command.flags & kExtended) != 0 ? command.order : kNoTerms;
  const std::uint32_t account = accounts_.find(command.account);
  if (const Reason reason = check_submit(command, terms, *book, account); reason != Reason::kNone) {
    return reject(command.order_id, command.symbol, reason);
  }
  const OrderIndex index = enter(command, terms, *book, account, place);
  Order& order = pool_[index];
  emit_terms(command.venue == 0 ? EventKind::kAccepted : EventKind::kRouted, order);
  if (command.venue != 0) return;
  if (order.dormant()) {
    wait_for_trigger(*book, index, order);
  } else if (book->state == TradingState::kAuction || rests_at_once(command, terms, *book)) {
    rest(*book, index, order);
  } else {
    execute(*book, index, terms.min_quantity);
  }
}

}  // namespace book
