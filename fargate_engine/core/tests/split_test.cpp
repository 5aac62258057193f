#include <algorithm>
#include <limits>
#include <random>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "book/split.hpp"
#include "check.hpp"

using namespace book;

TEST("a split takes the cheapest offers of all books, and of equal ones that of the first book") {
  const std::vector<Take> takes = split_cheapest({{{100, 5}, {103, 5}}, {{101, 4}, {102, 9}}, {{100, 1}}}, {1, 1, 1}, 12);
  CHECK(takes[0].quantity == 5 && takes[0].levels == 1);
  CHECK(takes[1].quantity == 6 && takes[1].levels == 2);
  CHECK(takes[2].quantity == 1 && takes[2].levels == 1);
}

TEST("a book that costs more a unit is taken later, and where a high price is better the unit costs are negative") {
  CHECK(split_cheapest({{{100, 5}}, {{101, 5}}}, {1'020'000, 1'000'000}, 5)[1].quantity == 5);
  CHECK(split_cheapest({{{100, 5}}, {{101, 5}}}, {-1'000'000, -980'000}, 5)[0].quantity == 5);
}

TEST("a split of more than is offered takes all, and one of nothing or of no book takes nothing") {
  const std::vector<Take> all = split_cheapest({{{100, 5}, {103, 5}}, {}}, {1, 1}, 1'000);
  CHECK(all[0].quantity == 10 && all[0].levels == 2 && all[1].quantity == 0 && all[1].levels == 0);
  CHECK(split_cheapest({{{100, 5}}}, {1}, 0)[0].levels == 0);
  CHECK(split_cheapest({}, {}, 5).empty());
}

TEST("the cost of an offer is exact where it needs more than 64 bits") {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const std::vector<Take> takes = split_cheapest({{{kMost, kMost}}, {{kMost - 1, kMost}}}, {kMost, kMost}, kMost);
  CHECK(takes[0].quantity == 0 && takes[1].quantity == kMost);
}

TEST("a split without a unit cost for each book is refused") {
  try {
    split_cheapest({{{100, 5}}}, {}, 5);
  } catch (const std::invalid_argument&) {
    return;
  }
  CHECK(!"it was not refused");
}

TEST("a split is that of all offers sorted by what they cost") {
  std::mt19937_64 random(11);
  const auto up_to = [&](std::int64_t most) { return 1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most)); };
  for (int i = 0; i < 2'000; ++i) {
    const std::int64_t sign = i % 2 == 0 ? 1 : -1;
    std::vector<std::vector<Offer>> offers(static_cast<std::size_t>(up_to(6)));
    std::vector<std::int64_t> unit_costs, expected(offers.size());
    std::vector<std::tuple<std::int64_t, std::size_t, std::int64_t>> sorted;
    for (std::size_t at = 0; at < offers.size(); ++at) {
      unit_costs.push_back(sign * 1'000 + up_to(20));
      std::int64_t price = 1'000 + sign * up_to(9);
      for (std::int64_t level = up_to(30); level > 1; --level) {
        offers[at].push_back({price, up_to(50)});
        sorted.emplace_back(price * unit_costs[at], at, offers[at].back().quantity);
        price += sign * up_to(9);
      }
    }
    std::sort(sorted.begin(), sorted.end());
    const std::int64_t asked = up_to(3'000);
    std::int64_t left = asked;
    for (const auto& [cost, at, quantity] : sorted) {
      const std::int64_t taken = std::min(quantity, left);
      expected[at] += taken;
      left -= taken;
    }
    const std::vector<Take> takes = split_cheapest(offers, unit_costs, asked);
    for (std::size_t at = 0; at < offers.size(); ++at) {
      CHECK(takes[at].quantity == expected[at]);
      std::int64_t before = 0, with_last = 0;
      for (std::size_t level = 0; level < takes[at].levels; ++level) {
        before = with_last;
        with_last += offers[at][level].quantity;
      }
      CHECK(takes[at].levels == 0 || (before < takes[at].quantity && takes[at].quantity <= with_last));
    }
  }
}
