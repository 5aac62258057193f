// A price to the queue of orders at it: open addressing, so that a price costs the same wherever it lies.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "order.hpp"

namespace book {

struct Level {
  std::int64_t price;
  OrderIndex front;  // 0: no such level.
  OrderIndex back;
};

class LevelMap {
 public:
  LevelMap() { resize(8); }

  // The level of that price, or the empty slot where it would be put.
  Level& slot_of(std::int64_t price) {
    std::size_t slot = home(price);
    while (levels_[slot].front != 0 && levels_[slot].price != price) slot = (slot + 1) & mask_;
    return levels_[slot];
  }

  // Only for a price that has a level.
  const Level& at(std::int64_t price) const {
    std::size_t slot = home(price);
    while (levels_[slot].price != price || levels_[slot].front == 0) slot = (slot + 1) & mask_;
    return levels_[slot];
  }

  // Every reference to a level is void after this.
  void insert(Level& empty_slot, Level level) {
    empty_slot = level;
    ++size_;
    if (size_ * 2 > levels_.size()) grow();
  }

  // So it is after this. `level` is one that slot_of() gave.
  void erase(Level& level) {
    std::size_t hole = static_cast<std::size_t>(&level - levels_.data());
    for (std::size_t slot = (hole + 1) & mask_; levels_[slot].front != 0; slot = (slot + 1) & mask_) {
      if (((slot - home(levels_[slot].price)) & mask_) >= ((slot - hole) & mask_)) {
        levels_[hole] = levels_[slot];
        hole = slot;
      }
    }
    levels_[hole].front = 0;
    --size_;
  }

  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const { return levels_.capacity() * sizeof(Level); }

 private:
  std::size_t home(std::int64_t price) const {
    return (static_cast<std::uint64_t>(price) * 0x9E3779B97F4A7C15u) >> shift_;
  }

  void resize(std::size_t slots) {
    levels_.assign(slots, Level{0, 0, 0});
    mask_ = slots - 1;
    shift_ = 64;
    for (std::size_t n = slots; n > 1; n /= 2) --shift_;
  }

  [[gnu::noinline, gnu::cold]] void grow() {
    std::vector<Level> old = std::move(levels_);
    resize(old.size() * 2);
    for (const Level& moved : old) {
      if (moved.front != 0) slot_of(moved.price) = moved;
    }
  }

  std::vector<Level> levels_;
  std::size_t mask_ = 0;
  unsigned shift_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace book
