// Where orders live: chunks that never move, found by index, so that growing costs one chunk and no copy.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "order.hpp"

namespace book {

class OrderPool {
 public:
  explicit OrderPool(std::uint32_t reserved) {
    while (chunks_.size() * kChunk < std::size_t{reserved} + 1) add_chunk();
  }

  Order& operator[](OrderIndex index) { return chunks_[index >> kChunkBits][index & (kChunk - 1)]; }
  const Order& operator[](OrderIndex index) const { return chunks_[index >> kChunkBits][index & (kChunk - 1)]; }

  ColdTerms& cold(OrderIndex index) { return cold_chunks_[index >> kChunkBits][index & (kChunk - 1)]; }
  const ColdTerms& cold(OrderIndex index) const { return cold_chunks_[index >> kChunkBits][index & (kChunk - 1)]; }

  // The one used last is given out first: it is still in the cache.
  OrderIndex take() {
    if (free_ != 0) {
      const OrderIndex index = free_;
      free_ = (*this)[index].next;
      return index;
    }
    if (used_ == chunks_.size() * kChunk) add_chunk();
    return static_cast<OrderIndex>(used_++);
  }

  void give_back(OrderIndex index) {
    Order& order = (*this)[index];
    order.order_id = 0;
    order.next = free_;
    free_ = index;
  }

  // Before the first use of cold(index).
  void warm_cold(OrderIndex index) {
    auto& chunk = cold_chunks_[index >> kChunkBits];
    if (chunk == nullptr) chunk.reset(new ColdTerms[kChunk]);
  }

  // Calls `visit(index, order)` for each live order, in no order that means anything.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t index = 1; index < used_; ++index) {
      const Order& order = (*this)[static_cast<OrderIndex>(index)];
      if (order.order_id != 0) visit(static_cast<OrderIndex>(index), order);
    }
  }

  std::size_t memory_bytes() const {
    std::size_t bytes = chunks_.size() * kChunk * sizeof(Order);
    for (const auto& chunk : cold_chunks_) bytes += chunk == nullptr ? 0 : kChunk * sizeof(ColdTerms);
    return bytes;
  }

 private:
  static constexpr unsigned kChunkBits = 14;
  static constexpr std::size_t kChunk = std::size_t{1} << kChunkBits;

  void add_chunk() {
    chunks_.emplace_back(new Order[kChunk]);
    cold_chunks_.emplace_back();
  }

  std::vector<std::unique_ptr<Order[]>> chunks_;
  std::vector<std::unique_ptr<ColdTerms[]>> cold_chunks_;  // As chunks_; null where no order has needed it yet.
  OrderIndex free_ = 0;
  std::size_t used_ = 1;  // Places ever given out; 0 is none.
};

}  // namespace book
