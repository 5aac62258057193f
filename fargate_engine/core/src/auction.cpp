// The auction's end: one price at which most can trade, and the trades at it.
#include <algorithm>
#include <vector>

#include "core_state.hpp"
#include "lifecycle.hpp"

namespace book {

namespace {

struct PriceLevel {
  std::int64_t price;
  Wide quantity;
};

Wide distance(Wide a, Wide b) { return a > b ? a - b : b - a; }

// Ascending bids and asks, as far as the two reach into each other. The best of the prices that either has, or 0.
std::int64_t best_price(const std::vector<PriceLevel>& bids, const std::vector<PriceLevel>& asks,
                        std::int64_t reference) {
  Wide bought = 0;  // By all bids at or above the price.
  for (const PriceLevel& bid : bids) bought += bid.quantity;
  Wide sold = 0;  // By all asks at or below it.
  std::int64_t best = 0;
  Wide best_volume = 0, best_imbalance = 0, best_distance = 0;
  for (std::size_t bid = 0, ask = 0; bid < bids.size() || ask < asks.size();) {
    const bool from_bid = ask == asks.size() || (bid < bids.size() && bids[bid].price <= asks[ask].price);
    const std::int64_t price = from_bid ? bids[bid].price : asks[ask].price;
    if (ask < asks.size() && asks[ask].price == price) sold += asks[ask++].quantity;
    const Wide volume = std::min(bought, sold);
    const Wide imbalance = distance(bought, sold);
    const Wide away = reference == 0 ? 0 : distance(price, reference);
    const bool better = volume != best_volume         ? volume > best_volume
                        : imbalance != best_imbalance ? imbalance < best_imbalance
                                                      : away < best_distance;
    if (volume > 0 && better) {
      best = price;
      best_volume = volume;
      best_imbalance = imbalance;
      best_distance = away;
    }
    if (bid < bids.size() && bids[bid].price == price) bought -= bids[bid++].quantity;
  }
  return best;
}

}  // namespace

std::int64_t CoreState::uncross_price(const SymbolBook& book) const {
  const auto total = [&](const Level& level) {
    Wide quantity = 0;
    for (OrderIndex at = level.front; at != 0; at = pool_[at].next) quantity += pool_[at].leaves;
    return PriceLevel{level.price, quantity};
  };
  std::vector<PriceLevel> bids, asks;
  book.side(Side::kBuy).visit_levels([&](const Level& level) {
    if (level.price < book.side(Side::kSell).best()) return false;
    bids.push_back(total(level));
    return true;
  });
  book.side(Side::kSell).visit_levels([&](const Level& level) {
    if (level.price > book.side(Side::kBuy).best()) return false;
    asks.push_back(total(level));
    return true;
  });
  std::reverse(bids.begin(), bids.end());
  return best_price(bids, asks, book.last != 0 ? book.last : book.mark);
}

void CoreState::uncross(SymbolBook& book) {
  std::int64_t first_price = 0;
  Wide quantity = 0;
  const auto cross_at = [&](std::int64_t price) {
    const std::int64_t traded = cross_pair(book, price);
    if (quantity == 0 && traded != 0) first_price = price;
    quantity += traded;
  };
  Ladder& bids = book.side(Side::kBuy);
  Ladder& asks = book.side(Side::kSell);
  if (book.crossed()) {
    const std::int64_t price = uncross_price(book);
    while (bids.best() >= price && asks.best() <= price) cross_at(price);
  }
  // Something was cancelled. To look for one price again after each of them would take as many walks as there are orders.
  while (book.crossed()) {
    const Order& bid = pool_[bids.front()];
    const Order& ask = pool_[asks.front()];
    cross_at(bid.entry() < ask.entry() ? bid.price : ask.price);
  }
  book.state = TradingState::kContinuous;
  touched_ = &book;
  Event& event = emit(EventKind::kUncrossed, 0, book.symbol);
  event.price = first_price;
  event.quantity = static_cast<std::int64_t>(std::min(quantity, Wide{INT64_MAX}));
}

// The fronts of both sides meet: what they traded, or 0 if one or both of them had to go.
std::int64_t CoreState::cross_pair(SymbolBook& book, std::int64_t price) {
  OrderIndex maker_index = book.side(Side::kBuy).front();
  OrderIndex taker_index = book.side(Side::kSell).front();
  if (pool_[maker_index].entry() > pool_[taker_index].entry()) std::swap(maker_index, taker_index);
  Order& maker = pool_[maker_index];
  Order& taker = pool_[taker_index];
  for (const OrderIndex index : {maker_index, taker_index}) {
    if (!pool_[index].is(kExtended | kLeased) || !beyond_bound(index, pool_[index], price)) continue;
    end(book, index, EventKind::kCanceled, Reason::kPriceBand);
    return 0;
  }
  const SelfTrade mode = taker.self_trade();
  if (mode != SelfTrade::kAllow && same_owner(taker, maker)) {
    if (mode == SelfTrade::kDecrement) {
      lessen_both(book, maker_index, maker, taker_index, taker);
      if (taker.leaves == 0) drop(book, taker_index);
      return 0;
    }
    if (mode != SelfTrade::kCancelNewest) end(book, maker_index, EventKind::kCanceled, Reason::kSelfTrade);
    if (mode != SelfTrade::kCancelOldest) end(book, taker_index, EventKind::kCanceled, Reason::kSelfTrade);
    return 0;
  }
  const std::int64_t maker_allowance = allowance(maker);
  const std::int64_t taker_allowance = allowance(taker);
  if (maker_allowance == 0 || taker_allowance == 0) {
    end(book, maker_allowance == 0 ? maker_index : taker_index, EventKind::kCanceled, Reason::kReduceOnly);
    return 0;
  }
  const std::int64_t quantity =
      std::min({shown(maker_index, maker), shown(taker_index, taker), maker_allowance, taker_allowance});
  trade(book, taker, maker, price, quantity);
  after_trade(book, maker_index, maker, quantity, maker_allowance);
  after_trade(book, taker_index, taker, quantity, taker_allowance);
  return quantity;
}

}  // namespace book
