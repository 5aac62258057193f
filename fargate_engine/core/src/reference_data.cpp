// What is said of instruments, accounts and holdings, and of the state that a market is in.
#include <algorithm>

#include "checks.hpp"
#include "core_state.hpp"

namespace book {

bool sensible(const InstrumentTerms& terms) {
  const bool negative = terms.price_low < 0 || terms.price_high < 0 || terms.quantity_min < 0 ||
                        terms.quantity_max < 0 || terms.collar_bps < 0;
  const bool ordered = (terms.price_high == 0 || terms.price_low <= terms.price_high) &&
                       (terms.quantity_max == 0 || terms.quantity_min <= terms.quantity_max);
  return terms.tick >= 1 && terms.lot >= 1 && !negative && ordered;
}

bool sensible(const AccountTerms& terms) {
  const bool negative = terms.firm < 0 || terms.order_quantity_max < 0 || terms.order_notional_max < 0 ||
                        terms.open_orders_max < 0 || terms.rate_max < 0 || terms.rate_window_ns < 0;
  return !negative && (terms.rate_max == 0 || terms.rate_window_ns != 0);
}

void CoreState::list_instrument(const Command& command) {
  InstrumentTerms terms = command.instrument;
  terms.spare = 0;
  const std::uint32_t symbol = command.symbol;
  if (symbol == 0 || symbol > kSymbolMax || !sensible(terms)) return reject(0, symbol, Reason::kInvalidTerms);
  if (SymbolBook* const book = book_of(symbol); book != nullptr) {
    const bool other_steps = terms.tick != book->terms.tick || terms.lot != book->terms.lot;
    if (other_steps && book->live_orders != 0) return reject(0, symbol, Reason::kInvalidTerms);
    book->set_terms(terms);
  } else {
    if (symbol >= books_.size()) books_.resize(symbol + 1);
    books_[symbol] = std::make_unique<SymbolBook>(static_cast<std::uint16_t>(symbol), terms);
  }
  emit(EventKind::kUpdated, 0, static_cast<std::uint16_t>(symbol));
}

void CoreState::set_account(const Command& command) {
  std::uint32_t index = accounts_.find(command.account);
  const bool fits_in = command.account != 0 && sensible(command.account_terms) &&
                       (index != 0 || !has_unchecked_orders(command.account));
  if (!fits_in) return reject(0, 0, Reason::kInvalidTerms);
  if (index == 0) index = accounts_.add(command.account);
  accounts_[index].terms = command.account_terms;
  emit(EventKind::kUpdated, 0, 0);
}

bool CoreState::has_unchecked_orders(std::uint32_t account) const {
  if (unchecked_orders_ == 0) return false;
  bool found = false;
  pool_.for_each([&](OrderIndex, const Order& order) { found = found || order.account == account; });
  return found;
}

void CoreState::set_holding(const Command& command) {
  const std::uint32_t symbol = command.symbol;
  if (book_of(symbol) == nullptr) return reject(0, symbol, Reason::kUnknownSymbol);
  const std::uint32_t account = accounts_.find(command.account);
  if (account == 0) return reject(0, symbol, Reason::kUnknownAccount);
  if (command.holding.position_max < 0) return reject(0, symbol, Reason::kInvalidTerms);
  Holding after = accounts_.holding(accounts_.find_holding(command.account, symbol));
  after.position = command.holding.position;
  if (!fits(after)) return reject(0, symbol, Reason::kOverflow);
  Holding& holding = accounts_.holding(accounts_.find_or_add_holding(account, symbol));
  holding.position = command.holding.position;
  holding.position_max = command.holding.position_max;
  emit(EventKind::kUpdated, 0, static_cast<std::uint16_t>(symbol));
}

void CoreState::set_mark(const Command& command) {
  SymbolBook* const book = book_of(command.symbol);
  if (book == nullptr) return reject(0, command.symbol, Reason::kUnknownSymbol);
  if (command.price < 0 || command.price > kPriceMax) return reject(0, command.symbol, Reason::kInvalidPrice);
  book->mark = command.price;
  touched_ = book;
  emit(EventKind::kUpdated, 0, book->symbol);
}

void CoreState::change_trading_state(const Command& command) {
  SymbolBook* const book = book_of(command.symbol);
  if (book == nullptr) return reject(0, command.symbol, Reason::kUnknownSymbol);
  const auto change = [&](TradingState state, EventKind kind) {
    book->state = state;
    touched_ = book;
    emit(kind, 0, book->symbol);
  };
  if (command.kind == Kind::kHalt) return change(TradingState::kHalted, EventKind::kHalted);
  if (command.kind == Kind::kStartAuction) return change(TradingState::kAuction, EventKind::kAuctionStarted);
  if (command.kind == Kind::kUncross && book->state == TradingState::kAuction) return uncross(*book);
  if (command.kind == Kind::kResume && book->state == TradingState::kHalted && !book->crossed()) {
    return change(TradingState::kContinuous, EventKind::kResumed);
  }
  reject(0, command.symbol, Reason::kInvalidTerms);
}

}  // namespace book
