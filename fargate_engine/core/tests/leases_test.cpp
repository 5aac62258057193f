#include <cstring>

#include "check.hpp"
#include "market.hpp"
#include "state_words.hpp"

using namespace test;

namespace {

constexpr std::uint32_t kOwner = 9;
constexpr LeaseTerms kAmple{1, 100, 100, 1'000, 10, 1'000, {}};

With leased(const Command& base) { return with(base).account(kOwner).flag(kLeased); }

LeaseTerms granting(std::int64_t version, std::int64_t buys, std::int64_t sells) {
  LeaseTerms terms = kAmple;
  terms.version = version, terms.buy_granted = buys, terms.sell_granted = sells;
  return terms;
}

struct Leased : Market {
  explicit Leased(const LeaseTerms& terms = kAmple) {
    send(account(kOwner));
    send(lease(kOwner, terms));
  }
  LeaseState now() const {
    LeaseState found{};
    CHECK(core.lease(kOwner, kApple, found));
    return found;
  }
  bool used(std::int64_t buy_filled, std::int64_t buy_open, std::int64_t sell_filled, std::int64_t sell_open) const {
    const LeaseState state = now();
    return state.buy_filled == buy_filled && state.buy_open == buy_open && state.sell_filled == sell_filled &&
           state.sell_open == sell_open;
  }
};

Command venue(Kind kind, std::uint64_t id, std::int64_t quantity = 0, std::int64_t price = 0) {
  Command made = replace(id, quantity, price);
  made.kind = kind;
  return made;
}

}  // namespace

TEST("a lease is told by its answer and when it is asked for") {
  Leased m;
  const Event set = m.one(lease(kOwner, {7, 30, 20, 500, 3, 90, {}}));
  CHECK(set.kind == EventKind::kLeaseSet && set.symbol == kApple && set.order_id == 0 && set.reason == Reason::kNone);
  CHECK(set.maker_id == 7 && set.price == 30 && set.quantity == 20 && set.leaves == 0 && set.maker_leaves == 0);
  const LeaseState state = m.now();
  CHECK(state.version == 7 && state.buy_granted == 30 && state.sell_granted == 20 && state.price_high == 500);
  CHECK(state.orders_max == 3 && state.expires_at_ns == 90 && state.live_orders == 0);
}

TEST("there is no lease where none was set") {
  Leased m;
  LeaseState found{};
  CHECK(!m.core.lease(kOwner, kPear, found) && !m.core.lease(8, kApple, found) && !m.core.lease(0, kApple, found));
  CHECK(!m.core.lease(kOwner, 1u << 16 | kApple, found));
  CHECK(m.refusal(leased(buy(1, 1, 1)).symbol(kPear)) == Reason::kLeaseExhausted);
  CHECK(m.refusal(leased(buy(1, 1, 1)).account(8)) == Reason::kLeaseExhausted);
  CHECK(m.refusal(leased(buy(1, 1, 1)).account(0)) == Reason::kLeaseExhausted);
}

TEST("a lease is of a listed symbol and a known account, and makes sense") {
  Leased m;
  CHECK(m.refusal(with(lease(kOwner, kAmple)).symbol(9)) == Reason::kUnknownSymbol);
  CHECK(m.refusal(lease(8, kAmple)) == Reason::kUnknownAccount);
  CHECK(m.refusal(lease(kOwner, granting(0, 1, 1))) == Reason::kInvalidTerms);
  CHECK(m.refusal(lease(kOwner, granting(9, -1, 1))) == Reason::kInvalidTerms);
  CHECK(m.refusal(lease(kOwner, granting(9, 1, -1))) == Reason::kInvalidTerms);
  for (std::int64_t LeaseTerms::* const term :
       {&LeaseTerms::price_high, &LeaseTerms::orders_max, &LeaseTerms::expires_at_ns}) {
    LeaseTerms terms = granting(9, 1, 1);
    terms.*term = -1;
    CHECK(m.refusal(lease(kOwner, terms)) == Reason::kInvalidTerms);
  }
  LeaseTerms dear = granting(9, 1, 1);
  dear.price_high = kPriceMax + 1;
  CHECK(m.refusal(lease(kOwner, dear)) == Reason::kInvalidTerms && m.now().version == 1);
}

TEST("filled and open of a side are at most what it is granted") {
  Leased m(granting(1, 10, 4));
  CHECK(m.refusal(leased(buy(1, 11, 100))) == Reason::kLeaseExhausted);
  m.send(leased(buy(1, 6, 100)));
  m.send(sell(2, 3, 100));
  CHECK(m.used(3, 3, 0, 0) && m.refusal(leased(buy(3, 5, 100))) == Reason::kLeaseExhausted);
  m.send(leased(buy(3, 4, 100)));
  m.send(leased(sell(4, 4, 101)));
  CHECK(m.used(3, 7, 0, 4) && m.now().live_orders == 3);
}

TEST("what is cancelled, expires, is refused by its venue or decremented is free again") {
  Leased m;
  m.send(leased(buy(1, 5, 100)));
  m.send(leased(buy(2, 5, 100)).until(50));
  m.send(leased(buy(3, 5, 100)).venue(1));
  m.send(leased(buy(4, 5, 100)).type(Type::kStop).stop(500));
  m.send(leased(sell(5, 2, 100)).mode(SelfTrade::kDecrement));
  CHECK(m.used(0, 18, 0, 0) && m.now().live_orders == 4);
  m.send(venue(Kind::kVenueFilled, 3, 2, 5'000));
  m.send(venue(Kind::kVenueRejected, 3));
  m.send(cancel(1));
  m.send(with(command(Kind::kAdvanceTime)).at(50));
  CHECK(m.used(2, 5, 0, 0) && m.now().live_orders == 1);
  m.send(with(command(Kind::kMassCancel)).account(kOwner));
  CHECK(m.used(2, 0, 0, 0) && m.now().live_orders == 0);
}

TEST("the limits of a lease hold at the number itself") {
  LeaseTerms terms = kAmple;
  terms.price_high = 100, terms.orders_max = 1, terms.expires_at_ns = 50;
  Leased m(terms);
  CHECK(m.refusal(leased(buy(1, 1, 101))) == Reason::kLeaseExhausted);
  CHECK(m.refusal(leased(sell(1, 1, 101))) == Reason::kLeaseExhausted);
  CHECK(m.one(leased(buy(1, 1, 100)).at(49)).kind == EventKind::kAccepted);
  CHECK(m.refusal(leased(buy(2, 1, 100))) == Reason::kLeaseExhausted);
  m.send(cancel(1));
  CHECK(m.refusal(leased(buy(2, 1, 100)).at(50)) == Reason::kLeaseExpired);
}

TEST("a leased buy has a price, a leased sell is held by that of its lease") {
  LeaseTerms terms = kAmple;
  terms.price_high = 100;
  Leased m(terms);
  CHECK(m.refusal(market(leased(buy(1, 5, 0)))) == Reason::kLeaseExhausted);
  m.send(buy(2, 5, 101));
  m.send(market(leased(sell(3, 5, 0))));
  CHECK(m.events.size() == 2 && is_end(m.events[1], 3, Reason::kPriceBand, 5));
  m.send(fok(leased(sell(3, 5, 90))));
  CHECK(m.events.size() == 2 && is_end(m.events[1], 3, Reason::kPriceBand, 5));
  m.send(cancel(2));
  m.send(buy(2, 5, 100));
  m.send(leased(sell(3, 5, 90)));
  CHECK(m.events.size() == 2 && is_trade(m.events[1], 3, 2, 5, 100) && m.used(0, 0, 5, 0));
}

TEST("an uncross fills no leased sell above the price of its lease") {
  LeaseTerms terms = kAmple;
  terms.price_high = 100;
  Leased m(terms);
  m.send(of_symbol(Kind::kStartAuction));
  m.send(leased(sell(1, 5, 99)));
  m.send(sell(2, 5, 105));
  m.send(buy(3, 10, 105));
  m.send(of_symbol(Kind::kUncross));
  CHECK(is_end(m.events[0], 1, Reason::kPriceBand, 5) && is_trade(m.events[1], 3, 2, 5, 105) && m.used(0, 0, 0, 0));
}

TEST("a bound of its own holds a leased sell, too") {
  Leased m;
  m.send(buy(2, 5, 101));
  m.send(leased(sell(3, 5, 90)).bound(100));
  CHECK(is_end(m.events[1], 3, Reason::kPriceBand, 5));
}

TEST("a replace is asked for what it adds, and never for what it gives back") {
  LeaseTerms terms = granting(1, 10, 0);
  terms.price_high = 100, terms.expires_at_ns = 50, terms.orders_max = 1;
  Leased m(terms);
  m.send(leased(buy(1, 6, 90)));
  CHECK(m.refusal(replace(1, 11, 90)) == Reason::kLeaseExhausted);
  CHECK(m.refusal(replace(1, 6, 101)) == Reason::kLeaseExhausted);
  CHECK(m.one(replace(1, 10, 100)).kind == EventKind::kReplaced && m.used(0, 10, 0, 0));
  CHECK(m.refusal(with(replace(1, 10, 99)).at(50)) == Reason::kLeaseExpired);
  CHECK(m.one(replace(1, 2, 100)).kind == EventKind::kReplaced && m.used(0, 2, 0, 0));
}

TEST("an older version changes nothing and is answered with the newest") {
  Leased m(granting(5, 10, 10));
  for (const std::int64_t version : {5, 4, 1}) {
    const std::uint64_t before = m.core.next_event_seq();
    const Event set = m.one(lease(kOwner, granting(version, 99, 99)));
    CHECK(set.maker_id == 5 && set.price == 10 && set.quantity == 10 && m.core.next_event_seq() == before + 1);
  }
}

TEST("a grant lower than what is filled and open becomes that") {
  Leased m;
  m.send(leased(buy(1, 10, 100)));
  m.send(sell(2, 4, 100));
  m.send(leased(sell(3, 7, 105)));
  const Event set = m.one(lease(kOwner, granting(2, 0, 8)));
  CHECK(set.price == 10 && set.leaves == 4 && set.quantity == 8 && set.maker_leaves == 0);
  m.send(cancel(1));
  const Event again = m.one(lease(kOwner, granting(3, 0, 0)));
  CHECK(again.price == 4 && again.leaves == 4 && again.quantity == 7);
}

TEST("price and number of orders fall to what is open and no further") {
  Leased m;
  m.send(leased(sell(1, 5, 120)));
  m.send(leased(buy(2, 5, 90)));
  m.send(with(sell(3, 5, 900)).account(kOwner));
  LeaseTerms terms = granting(2, 100, 100);
  terms.price_high = 50, terms.orders_max = 1;
  m.send(lease(kOwner, terms));
  CHECK(m.now().price_high == 120 && m.now().orders_max == 2);
  m.send(cancel(1));
  terms.version = 3;
  m.send(lease(kOwner, terms));
  CHECK(m.now().price_high == 90 && m.now().orders_max == 1);
  m.send(cancel(2));
  terms.version = 4;
  m.send(lease(kOwner, terms));
  CHECK(m.now().price_high == 50 && m.now().orders_max == 1);
}

TEST("what was filled is worth its prices, in more than 64 bits where it must be") {
  LeaseTerms terms = granting(1, INT64_MAX, INT64_MAX);
  terms.price_high = kPriceMax;
  Leased m(terms);
  m.send(leased(buy(1, 5, 100)));
  m.send(leased(sell(2, 2, 90)));
  CHECK(m.now().buy_notional.low == 200 && m.now().sell_notional.low == 200 && m.now().buy_notional.high == 0);
  m.send(cancel(1));
  m.send(leased(buy(3, kQuantityMax, kPriceMax)).venue(1));
  m.send(venue(Kind::kVenueFilled, 3, kQuantityMax, kPriceMax));
  // 2^48 * (2^61 - 1) + 200
  CHECK(m.now().buy_notional.high == 0x1FFF'FFFF'FFFF && m.now().buy_notional.low == 0xFFFF'0000'0000'00C8);
}

TEST("a lease is stopped by an end that has passed, whatever is free of it") {
  Leased m;
  m.send(leased(buy(1, 5, 100)));
  LeaseTerms stop = granting(2, 0, 0);
  stop.expires_at_ns = 0;
  m.send(lease(kOwner, stop));
  m.send(cancel(1));
  CHECK(m.now().buy_granted == 5 && m.refusal(leased(buy(2, 1, 100))) == Reason::kLeaseExpired);
}

TEST("orders without the flag leave the lease alone") {
  Leased m;
  m.send(with(buy(1, 500, 5'000)).account(kOwner));
  m.send(sell(2, 100, 5'000));
  CHECK(m.used(0, 0, 0, 0) && m.core.position(kOwner, kApple) == 100);
}

TEST("the largest grant does not overflow") {
  Leased m(granting(1, INT64_MAX, INT64_MAX));
  for (std::uint64_t id = 1; id <= 4; ++id) CHECK(m.one(leased(buy(id, kQuantityMax, 1))).kind == EventKind::kAccepted);
  m.send(lease(kOwner, granting(INT64_MAX, 0, INT64_MAX)));
  CHECK(m.now().buy_granted == 4 * kQuantityMax && m.refusal(leased(buy(9, 1, 1))) == Reason::kLeaseExhausted);
}

TEST("a leased order without other terms has no second line") {
  Leased plain, cold;
  const std::size_t before = plain.core.memory_bytes();
  for (std::uint64_t id = 1; id <= 5; ++id) {
    plain.send(leased(buy(id, 1, 100)));
    cold.send(leased(buy(id, 1, 100)).bound(1));
  }
  CHECK(plain.core.memory_bytes() > before && cold.core.memory_bytes() == plain.core.memory_bytes() + 6 * 64);
}

namespace {

// The word changed, and the hashes of the whole right again: only what it says can give it away.
std::vector<std::uint8_t> forged(std::vector<std::uint8_t> snapshot, std::size_t at, std::uint64_t word) {
  const auto put = [&](std::size_t place, std::uint64_t value) { std::memcpy(&snapshot[place * 8], &value, 8); };
  put(at, word);
  StateHash hash;
  for (std::size_t place = 0; place + 1 < snapshot.size() / 8; ++place) {
    std::uint64_t kept;
    std::memcpy(&kept, &snapshot[place * 8], 8);
    hash.add(kept);
  }
  put(snapshot.size() / 8 - 1, hash.value());
  return snapshot;
}

std::string refusal_of(const std::vector<std::uint8_t>& snapshot) {
  try {
    Core::restore(snapshot.data(), snapshot.size(), {64, 1'024});
  } catch (const BadSnapshot& bad) {
    return bad.what();
  }
  return "";
}

}  // namespace

TEST("a restored core knows its leases and goes on with them") {
  Leased m;
  m.send(leased(buy(1, 10, 100)));
  m.send(leased(sell(2, 5, 110)).bound(120));
  m.send(sell(3, 4, 100));
  m.send(cancel(1));
  const auto snapshot = m.core.snapshot();
  Core restored = Core::restore(snapshot.data(), snapshot.size());
  LeaseState found{};
  CHECK(restored.lease(kOwner, kApple, found) && restored.snapshot() == snapshot);
  CHECK(found.buy_filled == 4 && found.buy_open == 0 && found.live_orders == 1 && found.version == 1);
  EventBuffer events;
  const Command too_much = leased(buy(5, 97, 100)), enough = leased(buy(5, 96, 100));
  restored.apply(&too_much, 1, events);
  restored.apply(&enough, 1, events);
  CHECK(events[0].reason == Reason::kLeaseExhausted && events[1].kind == EventKind::kAccepted);
}

TEST("a snapshot of the version before leases, or one whose orders are beyond their lease, is refused") {
  Leased m(granting(77, 5, 5));
  m.send(leased(buy(1, 5, 100)));
  const auto snapshot = m.core.snapshot();
  CHECK(refusal_of(snapshot).empty());
  CHECK(refusal_of(forged(snapshot, 1, 1)) == "bad snapshot: another version");
  // The lease's words: account, symbol, version, granted buys, ...
  std::size_t at = 0;
  for (std::uint64_t word = 0; word != 77; ++at) std::memcpy(&word, &snapshot[at * 8], 8);
  CHECK(refusal_of(forged(snapshot, at + 2, 99)) == "bad snapshot: an order beyond its lease");
  CHECK(refusal_of(forged(snapshot, at + 3, 0)) == "bad snapshot: an order beyond its lease");
  CHECK(refusal_of(forged(snapshot, at + 5, INT64_MAX - 4)) == "bad snapshot: an order beyond its lease");
  CHECK(refusal_of(forged(snapshot, at + 8, 6)) == "bad snapshot: a lease's notional");
  CHECK(refusal_of(forged(snapshot, at - 1, 0)) == "bad snapshot: a lease's version");
  CHECK(refusal_of(forged(snapshot, at + 4, 6)) == "bad snapshot: inconsistent");
}

TEST("what a venue made of a leased order counts, also beyond its lease, and nothing passes until that is over") {
  Leased m({1, 100, 100, 200, 10, 1'000, {}});
  m.send(with(leased(buy(1, 50, 200))).venue(2));
  m.send(leased(buy(2, 10, 150)));
  CHECK(m.one(venue(Kind::kVenueReplaced, 1, 1'000, 300)).kind == EventKind::kReplaced && m.used(0, 1'010, 0, 0));
  CHECK(m.refusal(leased(buy(3, 1, 150))) == Reason::kLeaseExhausted);
  CHECK(m.one(replace(2, 5, 150)).kind == EventKind::kReplaced);  // It gives back.
  m.send(venue(Kind::kVenueFilled, 1, 200, 300));
  CHECK(m.used(200, 805, 0, 0) && m.now().buy_granted == 100 && m.now().price_high == 200);
  const auto snapshot = m.core.snapshot();
  CHECK(Core::restore(snapshot.data(), snapshot.size()).snapshot() == snapshot);
  m.send(lease(kOwner, {2, 150, 0, 180, 10, 1'000, {}}));
  CHECK(m.now().buy_granted == 1'005 && m.now().price_high == 200);  // Neither does a newer version follow its price.
  m.send(venue(Kind::kVenueCanceled, 1));
  CHECK(m.used(200, 5, 0, 0));
}

TEST("a leased order's replacement that cannot be counted is refused") {
  constexpr std::uint64_t kMost = INT64_MAX / kQuantityMax;
  Leased m({1, INT64_MAX, INT64_MAX, 200, kMost + 1, 1'000, {}});
  m.send(holding(kOwner, 100));  // Reduce-only orders are open at the lease alone, whose sums they can fill.
  for (std::uint64_t id = 1; id <= kMost + 1; ++id) {
    m.send(with(leased(sell(id, 1, 200))).flag(kReduceOnly).venue(2));
    const Event told = m.one(venue(Kind::kVenueReplaced, id, kQuantityMax, 200));
    CHECK(told.reason == (id <= kMost ? Reason::kNone : Reason::kOverflow));
  }
  CHECK(m.leaves(kMost) == kQuantityMax && m.leaves(kMost + 1) == 1);
}
