#include "records.hpp"

#include <cstddef>
#include <string>
#include <type_traits>

#include "book/messages.hpp"

namespace nb = nanobind;

namespace matching_core {
namespace {

// Numpy's format of a field: integers and enumerations by size and sign, spare bytes as they are.
template <typename Field>
std::string format_of() {
  const std::string size = std::to_string(sizeof(Field));
  if constexpr (std::is_array_v<Field>) {
    return "V" + size;
  } else if constexpr (std::is_enum_v<Field>) {
    return format_of<std::underlying_type_t<Field>>();
  } else {
    return (std::is_signed_v<Field> ? "<i" : "<u") + size;
  }
}

// Collects fields with the compiler's own offsets, so that the dtypes cannot drift from the records.
class Fields {
 public:
  template <typename Field>
  Fields& add(const char* name, std::size_t offset) {
    names_.append(name);
    formats_.append(format_of<Field>().c_str());
    offsets_.append(offset);
    return *this;
  }

  nb::object dtype(std::size_t itemsize) const {
    nb::dict fields;
    fields["names"] = names_;
    fields["formats"] = formats_;
    fields["offsets"] = offsets_;
    fields["itemsize"] = itemsize;
    return nb::module_::import_("numpy").attr("dtype")(fields);
  }

 private:
  nb::list names_, formats_, offsets_;
};

#define FIELD(record, name) add<decltype(record::name)>(#name, offsetof(record, name))
// A field of the second cache line; `line` is the member of Command that has it.
#define TERM(record, line, name) add<decltype(record::name)>(#name, offsetof(Command, line) + offsetof(record, name))
#define SPARE_TERMS(record, line) \
  add<decltype(record::spare)>("spare_terms", offsetof(Command, line) + offsetof(record, spare))

using book::AccountTerms;
using book::Command;
using book::Event;
using book::HoldingTerms;
using book::InstrumentTerms;
using book::LeaseTerms;
using book::OrderTerms;

Fields first_line() {
  Fields fields;
  fields.FIELD(Command, seq)
      .FIELD(Command, at_ns)
      .FIELD(Command, order_id)
      .FIELD(Command, price)
      .FIELD(Command, quantity);
  fields.FIELD(Command, symbol).FIELD(Command, account).FIELD(Command, session);
  fields.FIELD(Command, kind).FIELD(Command, side).FIELD(Command, type).FIELD(Command, time_in_force);
  fields.FIELD(Command, flags).FIELD(Command, self_trade).FIELD(Command, trigger).FIELD(Command, venue);
  fields.FIELD(Command, reason).FIELD(Command, spare);
  return fields;
}

nb::object command() {
  Fields fields = first_line();
  fields.TERM(OrderTerms, order, stop_price)
      .TERM(OrderTerms, order, display_quantity)
      .TERM(OrderTerms, order, min_quantity);
  fields.TERM(OrderTerms, order, expire_at_ns).TERM(OrderTerms, order, price_bound).SPARE_TERMS(OrderTerms, order);
  return fields.dtype(sizeof(Command));
}

nb::object instrument_command() {
  Fields fields = first_line();
  fields.TERM(InstrumentTerms, instrument, tick).TERM(InstrumentTerms, instrument, lot);
  fields.TERM(InstrumentTerms, instrument, price_low).TERM(InstrumentTerms, instrument, price_high);
  fields.TERM(InstrumentTerms, instrument, quantity_min).TERM(InstrumentTerms, instrument, quantity_max);
  fields.TERM(InstrumentTerms, instrument, collar_bps).SPARE_TERMS(InstrumentTerms, instrument);
  return fields.dtype(sizeof(Command));
}

nb::object account_command() {
  Fields fields = first_line();
  fields.TERM(AccountTerms, account_terms, firm).TERM(AccountTerms, account_terms, order_quantity_max);
  fields.TERM(AccountTerms, account_terms, order_notional_max).TERM(AccountTerms, account_terms, open_orders_max);
  fields.TERM(AccountTerms, account_terms, rate_max).TERM(AccountTerms, account_terms, rate_window_ns);
  fields.SPARE_TERMS(AccountTerms, account_terms);
  return fields.dtype(sizeof(Command));
}

nb::object holding_command() {
  Fields fields = first_line();
  fields.TERM(HoldingTerms, holding, position)
      .TERM(HoldingTerms, holding, position_max)
      .SPARE_TERMS(HoldingTerms, holding);
  return fields.dtype(sizeof(Command));
}

nb::object lease_command() {
  Fields fields = first_line();
  fields.TERM(LeaseTerms, lease, version).TERM(LeaseTerms, lease, buy_granted).TERM(LeaseTerms, lease, sell_granted);
  fields.TERM(LeaseTerms, lease, price_high).TERM(LeaseTerms, lease, orders_max);
  fields.TERM(LeaseTerms, lease, expires_at_ns).SPARE_TERMS(LeaseTerms, lease);
  return fields.dtype(sizeof(Command));
}

nb::object event() {
  Fields fields;
  fields.FIELD(Event, seq).FIELD(Event, order_id).FIELD(Event, maker_id).FIELD(Event, price).FIELD(Event, quantity);
  fields.FIELD(Event, leaves).FIELD(Event, maker_leaves).FIELD(Event, command).FIELD(Event, symbol);
  fields.FIELD(Event, kind).FIELD(Event, reason);
  return fields.dtype(sizeof(Event));
}

}  // namespace

Numpy import_numpy() {
  return {nb::module_::import_("numpy").attr("ndarray"),
          command(),
          instrument_command(),
          account_command(),
          holding_command(),
          lease_command(),
          event()};
}

void define_enumerations(nb::module_& module) {
  using book::EventKind;
  using book::Kind;
  using book::Reason;
  using book::SelfTrade;
  using book::Side;
  using book::TimeInForce;
  using book::TradingState;
  using book::Trigger;
  using book::Type;

  nb::enum_<Kind>(module, "Kind", nb::is_arithmetic(), "What a command asks for.")
      .value("SUBMIT", Kind::kSubmit)
      .value("CANCEL", Kind::kCancel)
      .value("REPLACE", Kind::kReplace)
      .value("MASS_CANCEL", Kind::kMassCancel)
      .value("REFUSE", Kind::kRefuse)
      .value("VENUE_ACCEPTED", Kind::kVenueAccepted)
      .value("VENUE_REJECTED", Kind::kVenueRejected)
      .value("VENUE_FILLED", Kind::kVenueFilled)
      .value("VENUE_CANCELED", Kind::kVenueCanceled)
      .value("VENUE_EXPIRED", Kind::kVenueExpired)
      .value("VENUE_REPLACED", Kind::kVenueReplaced)
      .value("REFUSE_REPLACE", Kind::kRefuseReplace)
      .value("LIST_INSTRUMENT", Kind::kListInstrument)
      .value("SET_ACCOUNT", Kind::kSetAccount)
      .value("SET_HOLDING", Kind::kSetHolding)
      .value("SET_MARK", Kind::kSetMark)
      .value("HALT", Kind::kHalt)
      .value("RESUME", Kind::kResume)
      .value("START_AUCTION", Kind::kStartAuction)
      .value("UNCROSS", Kind::kUncross)
      .value("ADVANCE_TIME", Kind::kAdvanceTime)
      .value("SET_LEASE", Kind::kSetLease);
  nb::enum_<Side>(module, "Side", nb::is_arithmetic()).value("BUY", Side::kBuy).value("SELL", Side::kSell);
  nb::enum_<Type>(module, "Type", nb::is_arithmetic(), "The kind of order.")
      .value("LIMIT", Type::kLimit)
      .value("MARKET", Type::kMarket)
      .value("STOP", Type::kStop)
      .value("STOP_LIMIT", Type::kStopLimit)
      .value("TAKE_PROFIT", Type::kTakeProfit)
      .value("TAKE_PROFIT_LIMIT", Type::kTakeProfitLimit)
      .value("TRAILING_STOP", Type::kTrailingStop);
  nb::enum_<TimeInForce>(module, "TimeInForce", nb::is_arithmetic())
      .value("GTC", TimeInForce::kGtc)
      .value("IOC", TimeInForce::kIoc)
      .value("FOK", TimeInForce::kFok)
      .value("GTD", TimeInForce::kGtd);
  nb::enum_<SelfTrade>(module, "SelfTrade", nb::is_arithmetic(), "What happens when an order meets one of its owner.")
      .value("ALLOW", SelfTrade::kAllow)
      .value("CANCEL_NEWEST", SelfTrade::kCancelNewest)
      .value("CANCEL_OLDEST", SelfTrade::kCancelOldest)
      .value("CANCEL_BOTH", SelfTrade::kCancelBoth)
      .value("DECREMENT", SelfTrade::kDecrement);
  nb::enum_<Trigger>(module, "Trigger", nb::is_arithmetic(), "Which price a dormant order watches.")
      .value("LAST", Trigger::kLast)
      .value("MARK", Trigger::kMark);
  nb::enum_<Reason>(module, "Reason", nb::is_arithmetic(),
                    "Why an order was refused or ended; 128 and above are the caller's own.")
      .value("NONE", Reason::kNone)
      .value("UNKNOWN_SYMBOL", Reason::kUnknownSymbol)
      .value("UNKNOWN_ACCOUNT", Reason::kUnknownAccount)
      .value("DUPLICATE_ORDER_ID", Reason::kDuplicateOrderId)
      .value("UNKNOWN_ORDER", Reason::kUnknownOrder)
      .value("INVALID_TERMS", Reason::kInvalidTerms)
      .value("INVALID_QUANTITY", Reason::kInvalidQuantity)
      .value("INVALID_PRICE", Reason::kInvalidPrice)
      .value("OVERFLOW", Reason::kOverflow)
      .value("CORE_FULL", Reason::kCoreFull)
      .value("PRICE_OUTSIDE_BAND", Reason::kPriceOutsideBand)
      .value("ORDER_TOO_LARGE", Reason::kOrderTooLarge)
      .value("NOTIONAL_TOO_LARGE", Reason::kNotionalTooLarge)
      .value("COLLAR", Reason::kCollar)
      .value("POSITION_LIMIT", Reason::kPositionLimit)
      .value("TOO_MANY_OPEN_ORDERS", Reason::kTooManyOpenOrders)
      .value("RATE_LIMIT", Reason::kRateLimit)
      .value("NO_REFERENCE_PRICE", Reason::kNoReferencePrice)
      .value("REDUCE_ONLY", Reason::kReduceOnly)
      .value("HALTED", Reason::kHalted)
      .value("NOT_IN_AUCTION", Reason::kNotInAuction)
      .value("POST_ONLY_WOULD_TAKE", Reason::kPostOnlyWouldTake)
      .value("TOO_LATE", Reason::kTooLate)
      .value("LEASE_EXHAUSTED", Reason::kLeaseExhausted)
      .value("LEASE_EXPIRED", Reason::kLeaseExpired)
      .value("NO_LIQUIDITY", Reason::kNoLiquidity)
      .value("FOK_NOT_FILLABLE", Reason::kFokNotFillable)
      .value("MIN_QUANTITY", Reason::kMinQuantity)
      .value("PRICE_BAND", Reason::kPriceBand)
      .value("SELF_TRADE", Reason::kSelfTrade)
      .value("MASS_CANCEL", Reason::kMassCancel)
      .value("VENUE", Reason::kVenue)
      .value("CALLER_FIRST", Reason::kCallerFirst);
  nb::enum_<EventKind>(module, "EventKind", nb::is_arithmetic(), "What happened.")
      .value("ACCEPTED", EventKind::kAccepted)
      .value("REJECTED", EventKind::kRejected)
      .value("TRADED", EventKind::kTraded)
      .value("CANCELED", EventKind::kCanceled)
      .value("EXPIRED", EventKind::kExpired)
      .value("REPLACED", EventKind::kReplaced)
      .value("REDUCED", EventKind::kReduced)
      .value("TRIGGERED", EventKind::kTriggered)
      .value("ROUTED", EventKind::kRouted)
      .value("CANCEL_REQUESTED", EventKind::kCancelRequested)
      .value("CANCEL_REJECTED", EventKind::kCancelRejected)
      .value("REPLACE_REJECTED", EventKind::kReplaceRejected)
      .value("VENUE_FILLED", EventKind::kVenueFilled)
      .value("HALTED", EventKind::kHalted)
      .value("RESUMED", EventKind::kResumed)
      .value("AUCTION_STARTED", EventKind::kAuctionStarted)
      .value("UNCROSSED", EventKind::kUncrossed)
      .value("UPDATED", EventKind::kUpdated)
      .value("LEASE_SET", EventKind::kLeaseSet)
      .value("REPLACE_REQUESTED", EventKind::kReplaceRequested);
  nb::enum_<TradingState>(module, "TradingState", nb::is_arithmetic())
      .value("CONTINUOUS", TradingState::kContinuous)
      .value("HALTED", TradingState::kHalted)
      .value("AUCTION", TradingState::kAuction);

  module.attr("POST_ONLY") = book::kPostOnly;
  module.attr("REDUCE_ONLY") = book::kReduceOnly;
  module.attr("FIRM_SELF_TRADE") = book::kFirmSelfTrade;
  module.attr("EXTENDED") = book::kExtended;
  module.attr("LEASED") = book::kLeased;
  module.attr("PRICE_MAX") = book::kPriceMax;
  module.attr("QUANTITY_MAX") = book::kQuantityMax;
  module.attr("SYMBOL_MAX") = book::kSymbolMax;
}

}  // namespace matching_core
