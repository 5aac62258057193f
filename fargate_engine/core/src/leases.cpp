// What an account may trade in a symbol by leased orders: granted in sums over all of them, used as they open and fill.
#include <algorithm>

#include "checks.hpp"
#include "core_state.hpp"

namespace book {

bool sensible(const LeaseTerms& terms) {
  const bool negative = terms.buy_granted < 0 || terms.sell_granted < 0 || terms.price_high < 0 || terms.orders_max < 0 ||
                        terms.expires_at_ns < 0;
  return terms.version >= 1 && !negative && terms.price_high <= kPriceMax;
}

void CoreState::set_lease(const Command& command) {
  const std::uint32_t symbol = command.symbol;
  if (book_of(symbol) == nullptr) return reject(0, symbol, Reason::kUnknownSymbol);
  const std::uint32_t account = accounts_.find(command.account);
  if (account == 0) return reject(0, symbol, Reason::kUnknownAccount);
  const LeaseTerms& terms = command.lease;
  if (!sensible(terms)) return reject(0, symbol, Reason::kInvalidTerms);
  const std::uint32_t holding = accounts_.find_or_add_holding(account, symbol);
  Lease& lease = accounts_.find_or_add_lease(holding);
  if (terms.version > lease.version) {
    // What is used cannot be taken back: the lease then says how far each term went.
    const bool cheaper = terms.price_high < lease.price_high && lease.live_orders != 0;
    lease.version = terms.version;
    lease.granted[0] = std::max(terms.buy_granted, lease.used(0));
    lease.granted[1] = std::max(terms.sell_granted, lease.used(1));
    // A venue may have made an order dearer than the lease: that raises nothing.
    if (cheaper) {
      lease.price_high = std::min(lease.price_high, std::max(terms.price_high, dearest_leased(holding)));
    } else {
      lease.price_high = terms.price_high;
    }
    lease.orders_max = std::max(terms.orders_max, lease.live_orders);
    lease.expires_at_ns = terms.expires_at_ns;
  }
  Event& event = emit(EventKind::kLeaseSet, 0, static_cast<std::uint16_t>(symbol));
  event.maker_id = static_cast<std::uint64_t>(lease.version);
  event.price = lease.granted[0];
  event.quantity = lease.granted[1];
  event.leaves = lease.filled[0];
  event.maker_leaves = lease.filled[1];
}

// 14
Reason CoreState::check_lease(const Intent& intent, std::uint32_t holding) const {
  const Lease& lease = accounts_.lease_of(holding);
  if (lease.version == 0) return Reason::kLeaseExhausted;
  if (now_ >= lease.expires_at_ns) return Reason::kLeaseExpired;
  const bool too_dear = intent.price == 0 ? intent.side == Side::kBuy : intent.price > lease.price_high;
  if (too_dear) return Reason::kLeaseExhausted;
  if (intent.one_more && lease.live_orders >= lease.orders_max) return Reason::kLeaseExhausted;
  const std::size_t side = side_index(intent.side);
  return intent.change > lease.granted[side] - lease.used(side) ? Reason::kLeaseExhausted : Reason::kNone;
}

// The highest price of the live orders of a lease; a sell without one is held by the lease's as it will be.
std::int64_t CoreState::dearest_leased(std::uint32_t holding) const {
  std::int64_t dearest = 0;
  pool_.for_each([&](OrderIndex, const Order& order) {
    if (order.is(kLeased) && order.holding == holding) dearest = std::max(dearest, order.price);
  });
  return dearest;
}

// Of an order that is reduce-only, leased or both.
void CoreState::count_open_of_few(const Order& order, std::int64_t quantity) {
  const std::size_t side = side_index(order.side);
  if (!order.is(kReduceOnly)) accounts_.holding(order.holding).open[side] += quantity;
  if (order.is(kLeased)) accounts_.lease_of(order.holding).open[side] += quantity;
}

void CoreState::count_fill_of_few(const Order& order, std::int64_t quantity, std::int64_t price) {
  count_open_of_few(order, -quantity);
  if (!order.is(kLeased)) return;
  Lease& lease = accounts_.lease_of(order.holding);
  lease.filled[side_index(order.side)] += quantity;
  lease.notional[side_index(order.side)] += Wide{price} * quantity;
}

}  // namespace book
