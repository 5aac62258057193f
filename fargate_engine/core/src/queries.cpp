// Questions, none of which changes anything.
#include <algorithm>
#include <stdexcept>

#include "checks.hpp"
#include "core_state.hpp"
#include "lifecycle.hpp"

namespace book {

std::vector<LevelView> CoreState::depth(std::uint32_t symbol, Side side, std::size_t levels_max) const {
  const SymbolBook* const book = book_of(symbol);
  if (book == nullptr) throw std::out_of_range("symbol " + std::to_string(symbol) + " is not listed");
  std::vector<LevelView> levels;
  book->side(side).visit_levels([&](const Level& level) {
    if (levels.size() == levels_max) return false;
    Wide quantity = 0;
    std::uint32_t orders = 0;
    for (OrderIndex at = level.front; at != 0; at = pool_[at].next) {
      quantity += shown(at, pool_[at]);
      ++orders;
    }
    levels.push_back({level.price, static_cast<std::int64_t>(std::min(quantity, Wide{INT64_MAX})), orders});
    return true;
  });
  return levels;
}

bool CoreState::find(std::uint64_t order_id, LiveOrder& found) const {
  const OrderIndex index = ids_.find(order_id, pool_).index;
  if (index == 0) return false;
  const Order& order = pool_[index];
  const ColdTerms cold = order.is(kExtended) ? pool_.cold(index) : ColdTerms{};
  found = LiveOrder{};
  found.order_id = order.order_id;
  found.price = order.price;
  found.quantity = order.traded() + order.leaves;
  found.leaves = order.leaves;
  found.stop_price = cold.stop_price;
  found.symbol = order.symbol();
  found.account = order.account;
  found.session = order.session;
  found.side = order.side;
  found.type = order.type;
  found.time_in_force = order.time_in_force;
  found.venue = cold.venue;
  found.resting = !order.dormant() && cold.venue == 0;
  return true;
}

std::int64_t CoreState::position(std::uint32_t account, std::uint32_t symbol) const {
  return symbol > kSymbolMax ? 0 : accounts_.holding(accounts_.find_holding(account, symbol)).position;
}

bool CoreState::lease(std::uint32_t account, std::uint32_t symbol, LeaseState& found) const {
  if (symbol > kSymbolMax) return false;
  const Lease& lease = accounts_.lease_of(accounts_.find_holding(account, symbol));
  if (lease.version == 0) return false;
  const auto notional = [&](std::size_t side) {
    return Notional{high_word(lease.notional[side]), low_word(lease.notional[side])};
  };
  found = {lease.version,   lease.granted[0], lease.granted[1], lease.price_high, lease.orders_max,
           lease.expires_at_ns, lease.filled[0],  lease.filled[1],  notional(0),      notional(1),
           lease.open[0],   lease.open[1],    lease.live_orders};
  return true;
}

std::size_t CoreState::memory_bytes() const {
  std::size_t bytes = sizeof(*this) + pool_.memory_bytes() + ids_.memory_bytes() + accounts_.memory_bytes() +
                      expiry_.memory_bytes() + books_.capacity() * sizeof(books_[0]) +
                      triggered_.capacity() * sizeof(triggered_[0]) + chosen_.capacity() * sizeof(chosen_[0]) +
                      (ahead_queue_.capacity() + ahead_round_.capacity()) * sizeof(AheadMaker);
  for (const auto& book : books_) {
    if (book == nullptr) continue;
    bytes += sizeof(SymbolBook);
    for (const Ladder& ladder : book->sides) bytes += ladder.memory_bytes();
    for (const TriggerGroup& group : book->groups) bytes += group.stops.memory_bytes() + group.trailing.memory_bytes();
  }
  return bytes;
}

}  // namespace book
