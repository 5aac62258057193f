// Order ids to places in the pool: open addressing, eight bytes a slot, deleting without tombstones.
#pragma once
#include <cstddef>
#include <vector>

#include "order_pool.hpp"

namespace book {

class IdMap {
 public:
  explicit IdMap(std::size_t reserved) {
    std::size_t slots = 16;
    while (slots * kLoadNumerator < reserved * kLoadDenominator) slots *= 2;
    resize(slots);
  }

  // Where an id is, or would be put.
  struct Place {
    std::size_t slot;
    std::uint32_t tag;
    OrderIndex index;  // 0: it is not there.
  };

  // Where a search for an id begins; void once the map has grown.
  struct Start {
    std::size_t slot;
    std::uint32_t tag;
  };
  Start start_of(std::uint64_t order_id) const {
    const std::uint32_t tag = tag_of(order_id);
    return {home(tag), tag};
  }

  Place find(std::uint64_t order_id, const OrderPool& pool) const { return find(start_of(order_id), order_id, pool); }

  // Reads the order itself only where all 32 bits of the tag agree.
  Place find(Start start, std::uint64_t order_id, const OrderPool& pool) const {
    const std::uint32_t tag = start.tag;
    for (std::size_t slot = start.slot;; slot = (slot + 1) & mask_) {
      const Slot& at = slots_[slot];
      if (at.index == 0 || (at.tag == tag && pool[at.index].order_id == order_id)) return {slot, tag, at.index};
    }
  }

  // Asks for the slot and the order that find() will look at, which nothing waits for.
  // Inlined by force: a call that does nothing but this is dropped as one without effect.
  [[gnu::always_inline]] void fetch(Start start, const OrderPool& pool) const {
    __builtin_prefetch(&pool[slots_[start.slot].index]);
  }

  // `place` is what find() said of an id that is not there, with nothing changed since.
  void insert(const Place& place, OrderIndex index) {
    slots_[place.slot] = {place.tag, index};
    ++size_;
    if (size_ > most_) grow();
  }

  void erase(std::uint64_t order_id, OrderIndex index) {
    std::size_t slot = home(tag_of(order_id));
    while (slots_[slot].index != index) slot = (slot + 1) & mask_;
    erase_at(slot);
  }

  // Closes the gap with those behind that would rather be there, so that no search ever has to step over a grave.
  void erase_at(std::size_t hole) {
    for (std::size_t slot = (hole + 1) & mask_; slots_[slot].index != 0; slot = (slot + 1) & mask_) {
      const std::size_t wanted = home(slots_[slot].tag);
      if (((slot - wanted) & mask_) >= ((slot - hole) & mask_)) {
        slots_[hole] = slots_[slot];
        hole = slot;
      }
    }
    slots_[hole].index = 0;
    --size_;
  }

  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  // The tag is the upper half of the hash and holds the home slot: a slot can move without its id being looked up.
  struct Slot {
    std::uint32_t tag;
    OrderIndex index;  // 0: empty.
  };
  static constexpr std::size_t kLoadNumerator = 1, kLoadDenominator = 3;

  // Four ids in a row share a cache line of eight slots, every other one of them: of ids that are numbers in order of
  // arrival, as the engine's are, most find the line of their insert in the cache and no neighbour in their way.
  static std::uint32_t tag_of(std::uint64_t order_id) {
    const std::uint64_t line = (order_id >> 2) * 0x9E3779B97F4A7C15u;
    return (static_cast<std::uint32_t>(line >> 32) & ~7u) | (static_cast<std::uint32_t>(order_id) & 3u) << 1;
  }
  std::size_t home(std::uint32_t tag) const { return (tag >> shift_ & ~7u) | (tag & 7u); }

  void resize(std::size_t slots) {
    slots_.assign(slots, Slot{0, 0});
    mask_ = slots - 1;
    most_ = slots * kLoadNumerator / kLoadDenominator;
    shift_ = 32;
    for (std::size_t n = slots; n > 1; n /= 2) --shift_;
  }

  [[gnu::noinline, gnu::cold]] void grow() {
    std::vector<Slot> old = std::move(slots_);
    resize(old.size() * 2);
    for (const Slot& moved : old) {
      if (moved.index == 0) continue;
      std::size_t slot = home(moved.tag);
      while (slots_[slot].index != 0) slot = (slot + 1) & mask_;
      slots_[slot] = moved;
    }
  }

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  std::size_t most_ = 0;
  unsigned shift_ = 0;
  std::size_t size_ = 0;
};

}  // namespace book
