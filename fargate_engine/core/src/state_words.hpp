// The state as words, in the one order that does not depend on how it lies in memory: docs/matching.md, "State hash".
// The hash and the snapshot are both made of them.
#pragma once
#include <algorithm>
#include <tuple>
#include <vector>

#include "core_state.hpp"
#include "lifecycle.hpp"

namespace book {

// Calls `visit(index, order)` for each live order.
template <class Visit>
void CoreState::visit_orders(Visit visit) const {
  // Those that are in no book, by symbol, dormant ones first, by entry.
  std::vector<OrderIndex> waiting;
  pool_.for_each([&](OrderIndex index, const Order& order) {
    if (order.dormant() || routed(index, order)) waiting.push_back(index);
  });
  const auto rank = [&](OrderIndex index) {
    const Order& order = pool_[index];
    return std::tuple(order.symbol(), routed(index, order), order.entry());
  };
  std::sort(waiting.begin(), waiting.end(), [&](OrderIndex a, OrderIndex b) { return rank(a) < rank(b); });

  auto next = waiting.begin();
  for (const auto& book : books_) {
    if (book == nullptr) continue;
    for (const Ladder& ladder : book->sides) {
      ladder.visit_levels([&](const Level& level) {
        for (OrderIndex at = level.front; at != 0; at = pool_[at].next) visit(at, pool_[at]);
        return true;
      });
    }
    for (; next != waiting.end() && pool_[*next].symbol() == book->symbol; ++next) {
      visit(*next, pool_[*next]);
    }
  }
}

// The small fields of an order in one word.
inline std::uint64_t packed(const Order& order, const ColdTerms& cold) {
  const std::uint64_t flags = order.flags & ~unsigned{kExtended};
  return static_cast<std::uint64_t>(order.side) | static_cast<std::uint64_t>(order.type) << 8 |
         static_cast<std::uint64_t>(order.time_in_force) << 16 | flags << 24 |
         static_cast<std::uint64_t>(order.self_trade()) << 32 | static_cast<std::uint64_t>(order.trigger()) << 40 |
         std::uint64_t{cold.venue} << 48 | std::uint64_t{cold.accepted} << 56;
}

// Calls `sink.add(word, ...)` with integers of any kind, each of which is one word.
template <class Sink>
void CoreState::describe(Sink& sink) const {
  sink.add(now_, next_seq_, next_entry_, ids_.size());
  for (const auto& book : books_) {
    if (book == nullptr) continue;
    const InstrumentTerms& terms = book->terms;
    sink.add(book->symbol, terms.tick, terms.lot, terms.price_low, terms.price_high, terms.quantity_min,
             terms.quantity_max, terms.collar_bps, book->state, book->last, book->mark);
  }
  for (const std::uint32_t index : sorted_accounts()) {
    const Account& account = accounts_[index];
    const AccountTerms& terms = account.terms;
    sink.add(account.account, terms.firm, terms.order_quantity_max, terms.order_notional_max, terms.open_orders_max,
             terms.rate_max, terms.rate_window_ns, account.live_orders, account.rate_window, account.rate_count);
  }
  for (const std::uint32_t index : sorted_holdings()) {
    const Holding& holding = accounts_.holding(index);
    sink.add(holding.account, holding.symbol, holding.position, holding.position_max, holding.open[0],
             holding.open[1]);
  }
  for (const Lease& lease : sorted_leases()) {
    sink.add(lease.account, lease.symbol, lease.version, lease.granted[0], lease.granted[1], lease.price_high,
             lease.orders_max, lease.expires_at_ns, lease.filled[0], lease.filled[1]);
    for (const Wide notional : lease.notional) sink.add(high_word(notional), low_word(notional));
    sink.add(lease.open[0], lease.open[1], lease.live_orders);
  }
  visit_orders([&](OrderIndex index, const Order& order) {
    const ColdTerms cold = order.is(kExtended) ? pool_.cold(index) : ColdTerms{};
    const bool rests = !order.dormant() && cold.venue == 0;
    sink.add(order.order_id, order.entry(), order.price, order.traded(), order.leaves, rests ? shown(index, order) : 0,
             order.account, order.session, packed(order, cold), cold.stop_price, cold.trailing_price,
             cold.display_quantity, cold.expire_at_ns, cold.price_bound);
  });
}

inline constexpr std::size_t kStateWords = 4, kSymbolWords = 11, kAccountWords = 10, kHoldingWords = 6, kLeaseWords = 17,
                             kOrderWords = 14;

class StateHash {
 public:
  template <class... Words>
  void add(Words... words) {
    (add_one(static_cast<std::uint64_t>(words)), ...);
  }
  std::uint64_t value() const { return value_; }

 private:
  void add_one(std::uint64_t word) {
    value_ = (value_ ^ word) * 0x9E3779B97F4A7C15u;
    value_ ^= value_ >> 32;
  }

  std::uint64_t value_ = 0xcbf29ce484222325u;
};

}  // namespace book
