// The pre-trade checks, numbered as in docs/matching.md.
#include "checks.hpp"

#include <algorithm>

#include "core_state.hpp"

namespace book {

namespace {

// 3
Reason check_kind(const Command& command, const OrderTerms& terms, std::int64_t now) {
  const bool expires = command.time_in_force == TimeInForce::kGtd;
  const bool stays = expires || command.time_in_force == TimeInForce::kGtc;
  const bool post_only = (command.flags & kPostOnly) != 0;
  if (expires ? terms.expire_at_ns <= now : terms.expire_at_ns != 0) return Reason::kInvalidTerms;
  if (!is_dormant_type(command.type) && terms.stop_price != 0) return Reason::kInvalidTerms;
  bool fits = true;
  switch (command.type) {
    case Type::kLimit:
      fits = (stays || (!post_only && terms.display_quantity == 0)) && !(post_only && terms.min_quantity != 0);
      break;
    case Type::kMarket:
      fits = !stays && !post_only && terms.display_quantity == 0;
      break;
    case Type::kStopLimit:
    case Type::kTakeProfitLimit:
      fits = stays && !post_only && terms.min_quantity == 0;
      break;
    case Type::kStop:
    case Type::kTakeProfit:
    case Type::kTrailingStop:
      fits = stays && !post_only && terms.min_quantity == 0 && terms.display_quantity == 0;
      break;
  }
  return fits ? Reason::kNone : Reason::kInvalidTerms;
}

}  // namespace

// 3 to 6
Reason check_terms(const Command& command, const OrderTerms& terms, const InstrumentTerms& instrument,
                   std::int64_t now) {
  if (const Reason unfit = check_kind(command, terms, now); unfit != Reason::kNone) return unfit;
  if (const Reason unfit = check_quantity(instrument, command.quantity); unfit != Reason::kNone) return unfit;
  for (const std::int64_t part : {terms.display_quantity, terms.min_quantity}) {
    if (part < 0 || part > command.quantity || !multiple_of(part, instrument.lot)) return Reason::kInvalidQuantity;
  }
  if (!iceberg_ends(terms.display_quantity, command.quantity)) return Reason::kInvalidQuantity;
  return check_prices(instrument, command.side, command.type, command.price, terms.stop_price, terms.price_bound);
}

// 4 to 6 of a plain order
Reason check_amounts(const InstrumentTerms& instrument, const Command& command) {
  if (const Reason unfit = check_quantity(instrument, command.quantity); unfit != Reason::kNone) return unfit;
  if (!valid_price(instrument, command.price)) return Reason::kInvalidPrice;
  return within_band(instrument, command.price) ? Reason::kNone : Reason::kPriceOutsideBand;
}

// 7
Reason check_trading_state(const Command& command, const OrderTerms& terms, TradingState state) {
  if (state == TradingState::kContinuous) return Reason::kNone;
  if (state == TradingState::kHalted) return Reason::kHalted;
  if (is_dormant_type(command.type)) return Reason::kNone;
  const bool stays = command.time_in_force == TimeInForce::kGtc || command.time_in_force == TimeInForce::kGtd;
  const bool plain = (command.flags & kPostOnly) == 0 && terms.min_quantity == 0 && terms.price_bound == 0;
  return command.type == Type::kLimit && stays && plain ? Reason::kNone : Reason::kNotInAuction;
}

// 9
Reason CoreState::check_rate(Account& account) const {
  if (account.terms.rate_max == 0) return Reason::kNone;
  const std::int64_t window = now_ / account.terms.rate_window_ns;
  if (window != account.rate_window) {
    account.rate_window = window;
    account.rate_count = 0;
  }
  return ++account.rate_count > account.terms.rate_max ? Reason::kRateLimit : Reason::kNone;
}

// 10 to 13
Reason CoreState::check_limits(const Intent& intent, const SymbolBook& book, const Account& account) const {
  const AccountTerms& limits = account.terms;
  if (limits.order_quantity_max != 0 && intent.quantity > limits.order_quantity_max) return Reason::kOrderTooLarge;
  if (limits.order_notional_max != 0) {
    const std::int64_t price = intent.price != 0 ? intent.price : book.valuation_reference();
    if (price == 0) return Reason::kNoReferencePrice;
    if (Wide{price} * intent.quantity > limits.order_notional_max) return Reason::kNotionalTooLarge;
  }
  if (intent.one_more && limits.open_orders_max != 0 && account.live_orders >= limits.open_orders_max) {
    return Reason::kTooManyOpenOrders;
  }
  if (intent.reduce_only) return Reason::kNone;
  // Read one by one: a copy of the whole would wait for the last order's writes to it. All stay far below 2^63.
  const Holding& holding = accounts_.holding(accounts_.find_holding(account.account, book.symbol));
  const std::int64_t towards = sign_of(intent.side) * holding.position;
  const std::int64_t open = holding.open[side_index(intent.side)] + intent.change;
  if (std::max<std::int64_t>(towards, 0) + open > kHoldingMax) return Reason::kOverflow;
  return holding.position_max != 0 && towards + open > holding.position_max ? Reason::kPositionLimit : Reason::kNone;
}

// 15
Reason check_collar(const Intent& intent, const SymbolBook& book) {
  if (book.terms.collar_bps == 0) return Reason::kNone;
  const bool stop_counts = intent.price == 0 && is_dormant_type(intent.type) && intent.type != Type::kTrailingStop;
  const std::int64_t price = stop_counts ? intent.stop_price : intent.price;
  const std::int64_t reference = book.valuation_reference();
  if (price == 0 || reference == 0) return Reason::kNone;
  const std::int64_t beyond = sign_of(intent.side) * (price - reference);
  return Wide{beyond} * 10'000 > Wide{book.terms.collar_bps} * reference ? Reason::kCollar : Reason::kNone;
}

}  // namespace book
