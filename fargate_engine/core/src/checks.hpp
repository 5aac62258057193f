// What is asked of an order before it enters, as far as it needs nothing but the order and its symbol.
#pragma once
#include <cstdint>

#include "accounts.hpp"
#include "order.hpp"
#include "symbol_book.hpp"

namespace book {

// What a holding may come to: it leaves room to add two of them in 64 bits.
inline constexpr std::int64_t kHoldingMax = (std::int64_t{1} << 61) - 1;

// An order as it will be if the checks let it.
struct Intent {
  Side side;
  Type type;
  bool reduce_only;
  bool one_more;  // A submit, which adds an order; a replace does not.
  std::int64_t price;
  std::int64_t stop_price;
  std::int64_t quantity;
  std::int64_t change;  // By how much what is left grows.
};

inline bool fits(const Holding& holding) {
  const std::int64_t position = holding.position;
  return Wide{position > 0 ? position : 0} + holding.open[0] <= kHoldingMax &&
         (position < 0 ? -Wide{position} : Wide{0}) + holding.open[1] <= kHoldingMax;
}

// A division is slow and most steps are 1.
inline bool multiple_of(std::int64_t value, std::int64_t step) { return step == 1 || value % step == 0; }

inline Reason check_quantity(const InstrumentTerms& terms, std::int64_t quantity) {
  if (quantity <= 0 || quantity > kQuantityMax || !multiple_of(quantity, terms.lot)) return Reason::kInvalidQuantity;
  if (quantity < terms.quantity_min) return Reason::kInvalidQuantity;
  if (terms.quantity_max != 0 && quantity > terms.quantity_max) return Reason::kInvalidQuantity;
  return Reason::kNone;
}

// Each part of an iceberg is an event: without a bound one command could make any number of them.
inline constexpr std::int64_t kIcebergPartsMax = 100;
inline bool iceberg_ends(std::int64_t display_quantity, std::int64_t quantity) {
  return display_quantity == 0 || display_quantity * kIcebergPartsMax >= quantity;
}

inline bool valid_price(const InstrumentTerms& terms, std::int64_t price) {
  return price > 0 && price <= kPriceMax && multiple_of(price, terms.tick);
}

inline bool within_band(const InstrumentTerms& terms, std::int64_t price) {
  return price >= terms.price_low && (terms.price_high == 0 || price <= terms.price_high);
}

inline bool needs_price(Type type) {
  return type == Type::kLimit || type == Type::kStopLimit || type == Type::kTakeProfitLimit;
}

// Checks 5 and 6 of docs/matching.md for the prices of an order; `bound` is no price of the band.
inline Reason check_prices(const InstrumentTerms& terms, Side side, Type type, std::int64_t price,
                           std::int64_t stop_price, std::int64_t bound) {
  if ((price != 0 || needs_price(type)) && !valid_price(terms, price)) return Reason::kInvalidPrice;
  if (is_dormant_type(type) && !valid_price(terms, stop_price)) return Reason::kInvalidPrice;
  if (bound != 0 && !valid_price(terms, bound)) return Reason::kInvalidPrice;
  // On the wrong side of its own price it would rest there and trade beyond its bound.
  const bool empty_band = bound != 0 && price != 0 && (side == Side::kBuy ? bound > price : bound < price);
  if (empty_band) return Reason::kInvalidPrice;
  if (price != 0 && !within_band(terms, price)) return Reason::kPriceOutsideBand;
  const bool stop_is_price = is_dormant_type(type) && type != Type::kTrailingStop;
  if (stop_is_price && !within_band(terms, stop_price)) return Reason::kPriceOutsideBand;
  return Reason::kNone;
}

inline bool crosses(const SymbolBook& book, Side side, std::int64_t price) {
  return book.side(opposite(side)).reached_by(price);
}

bool sensible(const InstrumentTerms& terms);
bool sensible(const AccountTerms& terms);
bool sensible(const LeaseTerms& terms);
Reason check_terms(const Command& command, const OrderTerms& terms, const InstrumentTerms& instrument,
                   std::int64_t now);
Reason check_amounts(const InstrumentTerms& instrument, const Command& command);
Reason check_trading_state(const Command& command, const OrderTerms& terms, TradingState state);
Reason check_collar(const Intent& intent, const SymbolBook& book);

inline bool readable(const Command& command) {
  const auto side = static_cast<unsigned>(command.side);
  const auto type = static_cast<unsigned>(command.type);
  const auto time_in_force = static_cast<unsigned>(command.time_in_force);
  return side - 1 < 2 && type - 1 < 7 && time_in_force - 1 < 4 && command.flags < kFlagsEnd &&
         static_cast<unsigned>(command.self_trade) < 5 && static_cast<unsigned>(command.trigger) < 2;
}

// What most orders are: a readable limit order, good till cancelled, with nothing that may not fit.
inline bool is_plain(const Command& command) {
  return command.type == Type::kLimit && command.time_in_force == TimeInForce::kGtc &&
         (command.flags | command.venue) == 0 && static_cast<unsigned>(command.side) - 1 < 2 &&
         static_cast<unsigned>(command.self_trade) < 5 && static_cast<unsigned>(command.trigger) < 2;
}

// Checks 4 to 6 of a plain order, for yes or no alone.
inline bool plain_amounts_fit(const SymbolBook& book, const Command& command) {
  return book.quantities.has(command.quantity) && book.prices.has(command.price) &&
         multiple_of(command.quantity, book.terms.lot) && multiple_of(command.price, book.terms.tick);
}

}  // namespace book
