#include <limits>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "check.hpp"
#include "id_map.hpp"
#include "ladder.hpp"
#include "market.hpp"
#include "order_heap.hpp"

using namespace book;

namespace {

// The best price, and all of them from it on, are those of a std::set.
void agrees(const PriceList& list, const std::set<std::int64_t>& expected) {
  CHECK(list.empty() == expected.empty());
  if (expected.empty()) return;
  CHECK(list.last() == *expected.rbegin());
  auto next = expected.rbegin();
  list.visit_from_last([&](std::int64_t key) {
    CHECK(next != expected.rend() && key == *next);
    ++next;
    return true;
  });
  CHECK(next == expected.rend());
}

}  // namespace

TEST("a price list is a sorted set whatever the prices are") {
  for (const std::int64_t spread : {std::int64_t{50}, std::int64_t{5'000}, std::int64_t{1} << 60}) {
    std::mt19937_64 random(7);
    PriceList list;
    std::set<std::int64_t> expected;
    for (int i = 0; i < 40'000; ++i) {
      const auto key = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(spread)) - spread / 2;
      if (expected.count(key) != 0) {
        list.erase(key);
        expected.erase(key);
      } else if (i % 20'000 < 10'000 || expected.empty()) {
        list.insert(key);
        expected.insert(key);
      } else {
        list.erase(*expected.begin());
        expected.erase(expected.begin());
      }
      if (i % 1'000 == 0) agrees(list, expected);
    }
    agrees(list, expected);
  }
}

TEST("a price list that wanders far leaves nothing behind") {
  PriceList list;
  for (std::int64_t key = 0; key < 1'000'000; ++key) {
    list.insert(key);
    if (key >= 100) list.erase(key - 100);
  }
  CHECK(list.last() == 999'999 && list.memory_bytes() < 10'000);
}

TEST("an id map finds what is in it and nothing else") {
  std::mt19937_64 random(3);
  OrderPool pool(1 << 16);
  IdMap ids(0);
  std::map<std::uint64_t, OrderIndex> expected;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t id = 1 + random() % 3'000 * 0x100000001u;
    const IdMap::Place place = ids.find(id, pool);
    const auto known = expected.find(id);
    CHECK(place.index == (known == expected.end() ? 0 : known->second));
    if (known != expected.end()) {
      ids.erase(id, known->second);
      pool.give_back(known->second);
      expected.erase(known);
    } else {
      const OrderIndex index = pool.take();
      pool[index].order_id = id;
      ids.insert(place, index);
      expected.emplace(id, index);
    }
    CHECK(ids.size() == expected.size());
  }
}

TEST("a ladder keeps queues in order under any mixture of prices") {
  std::mt19937_64 random(5);
  OrderPool pool(1 << 16);
  Ladder ladder(Side::kSell);
  std::map<std::int64_t, std::vector<OrderIndex>> expected;
  std::vector<OrderIndex> live;
  for (int i = 0; i < 50'000; ++i) {
    if (live.size() < 500 || random() % 2 == 0) {
      const OrderIndex index = pool.take();
      pool[index].order_id = index;
      pool[index].price = static_cast<std::int64_t>(1 + random() % 300 * (std::uint64_t{1} << random() % 50));
      ladder.append(pool, index, pool[index]);
      expected[pool[index].price].push_back(index);
      live.push_back(index);
    } else {
      const std::size_t which = random() % live.size();
      const OrderIndex index = live[which];
      live[which] = live.back();
      live.pop_back();
      ladder.remove(pool, pool[index]);
      auto& queue = expected[pool[index].price];
      for (std::size_t at = 0; at < queue.size(); ++at) {
        if (queue[at] == index) queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(at));
      }
      if (queue.empty()) expected.erase(pool[index].price);
      pool.give_back(index);
    }
    CHECK(ladder.best() == expected.begin()->first && ladder.front() == expected.begin()->second.front());
  }
  auto level_expected = expected.begin();
  ladder.visit_levels([&](const Level& level) {
    OrderIndex at = level.front;
    for (const OrderIndex index : level_expected->second) {
      CHECK(at == index);
      at = pool[at].next;
    }
    CHECK(at == 0 && level.price == level_expected->first);
    ++level_expected;
    return true;
  });
  CHECK(level_expected == expected.end());
}

TEST("an order takes less than 200 bytes, also where each has a price of its own") {
  for (const std::int64_t step : {std::int64_t{0}, std::int64_t{1} << 40}) {
    test::Market m(Capacity{1, 1 << 20});
    for (std::uint64_t id = 1; id <= 100'000; ++id) {
      m.send(test::sell(id, 1, 1 + static_cast<std::int64_t>(id) * step));
    }
    CHECK(m.core.live_orders() == 100'000 && m.core.memory_bytes() < 200 * m.core.live_orders());
  }
}

TEST("an order heap gives the least and lets any order go") {
  std::mt19937_64 random(9);
  OrderPool pool(1 << 16);
  OrderHeap<&ColdTerms::expiry_place> heap;
  std::map<OrderIndex, std::int64_t> expected;
  for (int i = 0; i < 4'000; ++i) {
    const std::uint64_t choice = random() % 5;
    const auto key = static_cast<std::int64_t>(random() % 100);
    if (choice < 2 || expected.empty()) {
      const OrderIndex index = pool.take();
      pool.warm_cold(index);
      heap.insert(pool, key, index);
      expected[index] = key;
    } else {
      auto chosen = expected.lower_bound(static_cast<OrderIndex>(random() % 1'000));
      if (chosen == expected.end()) chosen = expected.begin();
      if (choice == 2) {
        heap.change(pool, chosen->first, key);
        chosen->second = key;
      } else {
        heap.remove(pool, chosen->first);
        pool.give_back(chosen->first);
        expected.erase(chosen);
      }
    }
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (const auto& [index, of_index] : expected) least = std::min(least, of_index);
    CHECK(heap.empty() == expected.empty() && (heap.empty() || heap.least().key == least));
    std::size_t up_to_50 = 0, expected_up_to_50 = 0;
    heap.visit_up_to(50, [&](OrderIndex) { ++up_to_50; });
    for (const auto& [index, of_index] : expected) expected_up_to_50 += of_index <= 50 ? 1 : 0;
    CHECK(up_to_50 == expected_up_to_50);
  }
}
