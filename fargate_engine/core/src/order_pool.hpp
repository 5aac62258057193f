// Where orders live, by index: the line that every order has, and beside it the line that some have.
#pragma once
#include <algorithm>
#include <cstddef>

#include "order.hpp"
#include "reserved_array.hpp"

namespace book {

class OrderPool {
 public:
  explicit OrderPool(std::size_t orders_max) : orders_(orders_max + 1), cold_(orders_max + 1) {}

  Order& operator[](OrderIndex index) { return orders_[index]; }
  const Order& operator[](OrderIndex index) const { return orders_[index]; }

  ColdTerms& cold(OrderIndex index) { return cold_[index]; }
  const ColdTerms& cold(OrderIndex index) const { return cold_[index]; }

  // The one used last is given out first: it is still in the cache. Never more than orders_max at a time.
  OrderIndex take() {
    if (free_ == 0) return static_cast<OrderIndex>(used_++);
    const OrderIndex index = free_;
    free_ = orders_[index].next;
    return index;
  }

  void give_back(OrderIndex index) {
    Order& order = orders_[index];
    order.order_id = 0;
    order.next = free_;
    free_ = index;
  }

  ColdTerms& warm_cold(OrderIndex index) {
    cold_used_ = std::max(cold_used_, std::size_t{index} + 1);
    return cold_[index];
  }

  // Touches the memory of so many orders, so that it is there when they come.
  void warm(std::size_t orders) {
    for (std::size_t index = 0; index <= orders; ++index) orders_[index].order_id = 0;
  }

  // Calls `visit(index, order)` for each live order, in no order that means anything.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t index = 1; index < used_; ++index) {
      const Order& order = orders_[index];
      if (order.order_id != 0) visit(static_cast<OrderIndex>(index), order);
    }
  }

  // Of the orders that were ever live at one time: at most this much was touched.
  std::size_t memory_bytes() const { return used_ * sizeof(Order) + cold_used_ * sizeof(ColdTerms); }

 private:
  ReservedArray<Order> orders_;
  ReservedArray<ColdTerms> cold_;
  OrderIndex free_ = 0;
  std::size_t used_ = 1;  // Places ever given out; 0 is none.
  std::size_t cold_used_ = 0;
};

}  // namespace book
