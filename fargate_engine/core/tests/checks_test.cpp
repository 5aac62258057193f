#include "check.hpp"
#include "market.hpp"

using namespace test;

namespace {

constexpr std::uint32_t kMe = 9;

Command mine(const Command& base) { return with(base).account(kMe); }

// A market with one known account of these limits.
struct Limited : Market {
  explicit Limited(const AccountTerms& terms) { send(test::account(kMe, terms)); }
};

Command stop_order(std::uint64_t id, Type type, std::int64_t stop_price) {
  return with(buy(id, 5, 0)).type(type).stop(stop_price);
}

}  // namespace

TEST("an order for a symbol that is not listed is refused") {
  Market m;
  CHECK(m.refusal(with(buy(1, 5, 100)).symbol(3)) == Reason::kUnknownSymbol);
  CHECK(m.refusal(with(buy(1, 5, 100)).symbol(70'000)) == Reason::kUnknownSymbol);
  CHECK(m.events[0].symbol == 0);
}

TEST("an order without an id is refused") {
  Market m;
  CHECK(m.refusal(buy(0, 5, 100)) == Reason::kDuplicateOrderId);
}

TEST("a command that cannot be read is refused") {
  Market m;
  Command broken = buy(1, 5, 100);
  broken.side = static_cast<Side>(3);
  CHECK(m.refusal(broken) == Reason::kInvalidTerms);
  broken = buy(1, 5, 100);
  broken.type = static_cast<Type>(0);
  CHECK(m.refusal(broken) == Reason::kInvalidTerms);
  broken = buy(1, 5, 100);
  broken.time_in_force = static_cast<TimeInForce>(5);
  CHECK(m.refusal(broken) == Reason::kInvalidTerms);
  broken = buy(1, 5, 100);
  broken.flags = kFlagsEnd;
  CHECK(m.refusal(broken) == Reason::kInvalidTerms);
  broken = buy(1, 5, 100);
  broken.self_trade = static_cast<SelfTrade>(5);
  CHECK(m.refusal(broken) == Reason::kInvalidTerms);
  broken = buy(1, 5, 100);
  broken.trigger = static_cast<Trigger>(2);
  CHECK(m.refusal(broken) == Reason::kInvalidTerms);
  CHECK(m.refusal(command(static_cast<Kind>(99))) == Reason::kInvalidTerms);
}

TEST("terms that a kind of order cannot have are refused") {
  Market m;
  CHECK(m.refusal(with(buy(1, 5, 100)).type(Type::kMarket)) == Reason::kInvalidTerms);
  CHECK(m.refusal(market(with(buy(1, 5, 100)).flag(kPostOnly))) == Reason::kInvalidTerms);
  CHECK(m.refusal(ioc(with(buy(1, 5, 100)).display(1))) == Reason::kInvalidTerms);
  CHECK(m.refusal(with(buy(1, 5, 100)).stop(90)) == Reason::kInvalidTerms);
  CHECK(m.refusal(with(buy(1, 5, 100)).flag(kPostOnly).at_least(2)) == Reason::kInvalidTerms);
  CHECK(m.refusal(ioc(stop_order(1, Type::kStop, 90))) == Reason::kInvalidTerms);
  CHECK(m.refusal(with(stop_order(1, Type::kTakeProfit, 90)).display(1)) == Reason::kInvalidTerms);
  Command expires_without_gtd = with(buy(1, 5, 100)).until(99);
  expires_without_gtd.time_in_force = TimeInForce::kGtc;
  CHECK(m.refusal(expires_without_gtd) == Reason::kInvalidTerms);
  CHECK(m.refusal(with(buy(1, 5, 100)).in_force(TimeInForce::kGtd)) == Reason::kInvalidTerms);
}

TEST("fields of the second line are not read without the extended flag") {
  Market m;
  Command plain = with(buy(1, 5, 100)).stop(90);
  plain.flags = 0;
  CHECK(m.one(plain).kind == EventKind::kAccepted);
}

TEST("a quantity is refused that is no multiple of the lot or out of bounds") {
  Market m;
  InstrumentTerms terms = plain_terms();
  terms.lot = 10;
  terms.quantity_min = 20;
  terms.quantity_max = 500;
  m.send(instrument(kApple, terms));
  for (const std::int64_t quantity : {std::int64_t{0}, std::int64_t{-10}, std::int64_t{25}, std::int64_t{10},
                                      std::int64_t{510}, kQuantityMax + 10, INT64_MIN, INT64_MAX}) {
    CHECK(m.refusal(buy(1, quantity, 100)) == Reason::kInvalidQuantity);
  }
  CHECK(m.refusal(with(buy(1, 50, 100)).display(5)) == Reason::kInvalidQuantity);
  CHECK(m.refusal(with(buy(1, 50, 100)).display(60)) == Reason::kInvalidQuantity);
  CHECK(m.refusal(with(buy(1, 50, 100)).at_least(-10)) == Reason::kInvalidQuantity);
  CHECK(m.one(buy(1, 500, 100)).kind == EventKind::kAccepted);
}

TEST("an iceberg of more than a thousand parts is refused") {
  Market m;
  CHECK(m.refusal(with(buy(1, 101, 100)).display(1)) == Reason::kInvalidQuantity);
  CHECK(m.one(with(buy(1, 100, 100)).display(1)).kind == EventKind::kAccepted);
}

TEST("a price is refused that is off the tick or out of bounds") {
  Market m;
  InstrumentTerms terms = plain_terms();
  terms.tick = 5;
  m.send(instrument(kApple, terms));
  for (const std::int64_t price : {std::int64_t{0}, std::int64_t{-5}, std::int64_t{101}, INT64_MAX, INT64_MIN}) {
    CHECK(m.refusal(buy(1, 5, price)) == Reason::kInvalidPrice);
  }
  CHECK(m.refusal(market(buy(1, 5, 101))) == Reason::kInvalidPrice);
  CHECK(m.refusal(stop_order(1, Type::kStop, 101)) == Reason::kInvalidPrice);
  CHECK(m.refusal(stop_order(1, Type::kStopLimit, 100)) == Reason::kInvalidPrice);
  CHECK(m.refusal(with(buy(1, 5, 100)).bound(-5)) == Reason::kInvalidPrice);
  CHECK(m.refusal(with(buy(1, 5, 100)).bound(105)) == Reason::kInvalidPrice);
  CHECK(m.refusal(with(sell(1, 5, 100)).bound(95)) == Reason::kInvalidPrice);
  CHECK(m.one(buy(1, 5, kPriceMax / 5 * 5)).kind == EventKind::kAccepted);
}

TEST("a price outside the instrument's band is refused") {
  Market m;
  InstrumentTerms terms = plain_terms();
  terms.price_low = 90;
  terms.price_high = 110;
  m.send(instrument(kApple, terms));
  CHECK(m.refusal(buy(1, 5, 89)) == Reason::kPriceOutsideBand);
  CHECK(m.refusal(buy(1, 5, 111)) == Reason::kPriceOutsideBand);
  CHECK(m.refusal(stop_order(1, Type::kStop, 111)) == Reason::kPriceOutsideBand);
  CHECK(m.one(stop_order(1, Type::kTrailingStop, 3)).kind == EventKind::kAccepted);
  CHECK(m.one(buy(2, 5, 110)).kind == EventKind::kAccepted);
}

TEST("a halted symbol takes no order and an auction only some") {
  Market m;
  m.send(of_symbol(Kind::kHalt));
  CHECK(m.refusal(buy(1, 5, 100)) == Reason::kHalted);
  m.send(of_symbol(Kind::kStartAuction));
  CHECK(m.refusal(ioc(buy(1, 5, 100))) == Reason::kNotInAuction);
  CHECK(m.refusal(with(buy(1, 5, 100)).flag(kPostOnly)) == Reason::kNotInAuction);
  CHECK(m.refusal(with(buy(1, 5, 100)).bound(90)) == Reason::kNotInAuction);
  CHECK(m.refusal(with(buy(1, 5, 100)).at_least(2)) == Reason::kNotInAuction);
  CHECK(m.one(buy(1, 5, 100)).kind == EventKind::kAccepted);
  CHECK(m.one(stop_order(2, Type::kStop, 120)).kind == EventKind::kAccepted);
}

TEST("a full core takes no more orders until one leaves") {
  Market m(Capacity{2, 2});
  m.send(buy(1, 5, 100));
  m.send(buy(2, 5, 100));
  CHECK(m.refusal(buy(3, 5, 100)) == Reason::kCoreFull);
  m.send(cancel(1));
  CHECK(m.one(buy(3, 5, 100)).kind == EventKind::kAccepted);
}

TEST("the rate counts submits and replaces of a window and forgets them in the next") {
  AccountTerms terms{};
  terms.rate_max = 3;
  terms.rate_window_ns = 100;
  Limited m(terms);
  m.send(with(mine(buy(1, 5, 100))).at(150));
  m.send(replace(1, 4, 100));
  CHECK(m.refusal(mine(buy(2, 5, 0))) == Reason::kInvalidPrice);  // Refused before it is counted.
  m.send(mine(buy(2, 5, 100)));
  CHECK(m.refusal(mine(buy(3, 5, 100))) == Reason::kRateLimit);
  CHECK(m.refusal(replace(1, 3, 100)) == Reason::kRateLimit);
  CHECK(m.one(with(mine(buy(3, 5, 100))).at(200)).kind == EventKind::kAccepted);
}

TEST("an order above the account's quantity or notional is refused") {
  AccountTerms terms{};
  terms.order_quantity_max = 50;
  terms.order_notional_max = 4'000;
  Limited m(terms);
  CHECK(m.refusal(mine(buy(1, 51, 10))) == Reason::kOrderTooLarge);
  CHECK(m.refusal(mine(buy(1, 41, 100))) == Reason::kNotionalTooLarge);
  CHECK(m.refusal(mine(buy(1, 50, kPriceMax))) == Reason::kNotionalTooLarge);
  CHECK(m.refusal(mine(market(buy(1, 5, 0)))) == Reason::kNoReferencePrice);
  m.send(mark(900));
  CHECK(m.refusal(mine(market(buy(1, 5, 0)))) == Reason::kNotionalTooLarge);
  CHECK(m.one(mine(buy(1, 40, 100))).kind == EventKind::kAccepted);
}

TEST("an account has no more live orders than it may") {
  AccountTerms terms{};
  terms.open_orders_max = 2;
  Limited m(terms);
  m.send(mine(buy(1, 5, 100)));
  m.send(mine(stop_order(2, Type::kStop, 120)));
  CHECK(m.refusal(mine(buy(3, 5, 100))) == Reason::kTooManyOpenOrders);
  m.send(cancel(2));
  CHECK(m.one(mine(buy(3, 5, 100))).kind == EventKind::kAccepted);
}

TEST("a position limit holds with every open order filled") {
  Limited m(AccountTerms{});
  m.send(holding(kMe, 10, 30));
  m.send(mine(buy(1, 15, 100)));
  CHECK(m.refusal(mine(buy(2, 6, 100))) == Reason::kPositionLimit);
  CHECK(m.refusal(replace(1, 21, 100)) == Reason::kPositionLimit);
  CHECK(m.one(mine(buy(2, 5, 100))).kind == EventKind::kAccepted);
  m.send(sell(3, 15, 100));
  CHECK(m.core.position(kMe, kApple) == 25);
  CHECK(m.refusal(mine(sell(4, 56, 101))) == Reason::kPositionLimit);
  CHECK(m.one(mine(sell(4, 55, 101))).kind == EventKind::kAccepted);
}

TEST("sums that would not fit are refused whatever the limits are") {
  Limited m(AccountTerms{});
  CHECK(m.refusal(holding(kMe, INT64_MIN)) == Reason::kOverflow);
  CHECK(m.refusal(holding(kMe, kPriceMax + 1)) == Reason::kOverflow);
  m.send(holding(kMe, kPriceMax - 5));
  CHECK(m.refusal(mine(buy(1, 6, 100))) == Reason::kOverflow);
  CHECK(m.one(mine(buy(1, 5, 100))).kind == EventKind::kAccepted);
}

TEST("the collar refuses what reaches too far beyond the mark or else the last price") {
  Market m;
  InstrumentTerms terms = plain_terms();
  terms.collar_bps = 500;
  m.send(instrument(kApple, terms));
  CHECK(m.one(buy(1, 5, 1'000)).kind == EventKind::kAccepted);  // No reference yet.
  m.send(sell(2, 5, 1'000));
  CHECK(m.refusal(buy(3, 5, 1'051)) == Reason::kCollar);
  CHECK(m.refusal(sell(3, 5, 949)) == Reason::kCollar);
  CHECK(m.one(sell(3, 5, 5'000)).kind == EventKind::kAccepted);  // Far away on its own side.
  m.send(mark(2'000));
  CHECK(m.one(buy(4, 5, 2'100)).kind == EventKind::kAccepted);
  CHECK(m.refusal(stop_order(5, Type::kStop, 2'101)) == Reason::kCollar);
  CHECK(m.one(stop_order(5, Type::kTrailingStop, 9'000)).kind == EventKind::kAccepted);
}

TEST("a reduce-only order needs a known account with a position on the other side") {
  Market m;
  CHECK(m.refusal(with(sell(1, 5, 100)).flag(kReduceOnly)) == Reason::kUnknownAccount);
  m.send(account(kMe));
  CHECK(m.refusal(with(mine(sell(1, 5, 100))).flag(kReduceOnly)) == Reason::kReduceOnly);
  CHECK(m.one(with(mine(stop_order(1, Type::kStop, 100))).flag(kReduceOnly)).kind == EventKind::kAccepted);
  m.send(holding(kMe, 5));
  CHECK(m.refusal(with(mine(buy(2, 5, 100))).flag(kReduceOnly)) == Reason::kReduceOnly);
  CHECK(m.one(with(mine(sell(2, 5, 100))).flag(kReduceOnly)).kind == EventKind::kAccepted);
}

TEST("orders of an unknown account are matched and not checked") {
  Market m;
  m.send(with(sell(1, 5, 100)).account(3));
  m.send(with(buy(2, 5, 100)).account(4));
  CHECK(m.core.position(4, kApple) == 0 && m.core.live_orders() == 0);
}

TEST("an account cannot become known while orders of it live") {
  Market m;
  m.send(mine(buy(1, 5, 100)));
  CHECK(m.refusal(account(kMe)) == Reason::kInvalidTerms);
  m.send(cancel(1));
  CHECK(m.one(account(kMe)).kind == EventKind::kUpdated);
}

TEST("reference data that makes no sense is refused and changes nothing") {
  Market m;
  const std::uint64_t before = m.core.state_hash();
  InstrumentTerms terms = plain_terms();
  terms.tick = 0;
  CHECK(m.refusal(instrument(kApple, terms)) == Reason::kInvalidTerms);
  CHECK(m.refusal(instrument(0, plain_terms())) == Reason::kInvalidTerms);
  CHECK(m.refusal(instrument(kSymbolMax + 1, plain_terms())) == Reason::kInvalidTerms);
  terms = plain_terms();
  terms.price_low = 10;
  terms.price_high = 9;
  CHECK(m.refusal(instrument(kApple, terms)) == Reason::kInvalidTerms);
  CHECK(m.refusal(account(0)) == Reason::kInvalidTerms);
  AccountTerms account_terms{};
  account_terms.rate_max = 1;
  CHECK(m.refusal(account(kMe, account_terms)) == Reason::kInvalidTerms);
  CHECK(m.refusal(holding(kMe, 5)) == Reason::kUnknownAccount);
  CHECK(m.refusal(of_symbol(Kind::kHalt, 3)) == Reason::kUnknownSymbol);
  CHECK(m.refusal(mark(-1)) == Reason::kInvalidPrice);
  // Only the number of the next event went up.
  CHECK(m.core.state_hash() != before && m.core.live_orders() == 0);
}

TEST("a listed instrument keeps its tick while orders of it live") {
  Market m;
  m.send(buy(1, 5, 100));
  InstrumentTerms terms = plain_terms();
  terms.tick = 2;
  CHECK(m.refusal(instrument(kApple, terms)) == Reason::kInvalidTerms);
  terms = plain_terms();
  terms.price_high = 50;
  CHECK(m.one(instrument(kApple, terms)).kind == EventKind::kUpdated && m.leaves(1) == 5);
  m.send(cancel(1));
  terms.tick = 2;
  CHECK(m.one(instrument(kApple, terms)).kind == EventKind::kUpdated);
}

TEST("a refused id is answered with the caller's reason") {
  Market m;
  Command refused = with(command(Kind::kRefuse)).symbol(kApple);
  refused.order_id = 5;
  refused.reason = static_cast<Reason>(200);
  const Event event = m.one(refused);
  CHECK(event.kind == EventKind::kRejected && event.order_id == 5 && event.reason == static_cast<Reason>(200));
}
