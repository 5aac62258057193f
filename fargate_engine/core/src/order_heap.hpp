// Orders by a number, the least first; each order knows its place, so that any of them can leave.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "order_pool.hpp"

namespace book {

// `Place` is the field of ColdTerms that keeps an order's place in this heap.
template <std::uint32_t ColdTerms::*Place>
class OrderHeap {
 public:
  struct Item {
    std::int64_t key;
    OrderIndex order;
  };

  bool empty() const { return items_.empty(); }
  const Item& least() const { return items_.front(); }
  const std::vector<Item>& items() const { return items_; }

  // Calls `visit(order)` for each whose key is not above the limit, without looking at more than these and their children.
  template <class Visit>
  void visit_up_to(std::int64_t limit, Visit visit, std::size_t place = 0) const {
    if (place >= items_.size() || items_[place].key > limit) return;
    visit(items_[place].order);
    visit_up_to(limit, visit, 2 * place + 1);
    visit_up_to(limit, visit, 2 * place + 2);
  }

  void insert(OrderPool& pool, std::int64_t key, OrderIndex order) {
    items_.push_back({key, order});
    rise(pool, items_.size() - 1);
  }

  void remove(OrderPool& pool, OrderIndex order) {
    const std::size_t place = pool.cold(order).*Place;
    const Item last = items_.back();
    items_.pop_back();
    if (place == items_.size()) return;
    items_[place] = last;
    rise(pool, place);
    sink(pool, pool.cold(last.order).*Place);
  }

  void change(OrderPool& pool, OrderIndex order, std::int64_t key) {
    const std::size_t place = pool.cold(order).*Place;
    items_[place].key = key;
    rise(pool, place);
    sink(pool, pool.cold(order).*Place);
  }

  std::size_t memory_bytes() const { return items_.capacity() * sizeof(Item); }

 private:
  void put(OrderPool& pool, std::size_t place, const Item& item) {
    items_[place] = item;
    pool.cold(item.order).*Place = static_cast<std::uint32_t>(place);
  }

  void rise(OrderPool& pool, std::size_t place) {
    const Item item = items_[place];
    for (; place > 0 && item.key < items_[(place - 1) / 2].key; place = (place - 1) / 2) {
      put(pool, place, items_[(place - 1) / 2]);
    }
    put(pool, place, item);
  }

  void sink(OrderPool& pool, std::size_t place) {
    const Item item = items_[place];
    for (std::size_t child = 2 * place + 1; child < items_.size(); child = 2 * place + 1) {
      if (child + 1 < items_.size() && items_[child + 1].key < items_[child].key) ++child;
      if (item.key <= items_[child].key) break;
      put(pool, place, items_[child]);
      place = child;
    }
    put(pool, place, item);
  }

  std::vector<Item> items_;
};

}  // namespace book
