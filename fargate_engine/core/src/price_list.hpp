// The prices of one side in order, the best last: short sorted blocks, and a sorted list of the blocks.
// The best is the end of the last block; a price anywhere else costs two binary searches and one short move.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace book {

class PriceList {
 public:
  bool empty() const { return blocks_.empty(); }
  std::int64_t last() const { return blocks_.back()->keys[blocks_.back()->size - 1]; }

  // Only a key that is not in it.
  void insert(std::int64_t key) {
    if (blocks_.empty()) add_block(0, key);
    std::size_t at = block_of(key);
    if (blocks_[at]->size == kBlock) {
      split(at);
      if (key > firsts_[at + 1]) ++at;
    }
    Block& block = *blocks_[at];
    std::int64_t* end = block.keys.data() + block.size;
    std::int64_t* place = end;
    if (block.size != 0 && key < end[-1]) {
      place = std::upper_bound(block.keys.data(), end, key);
      std::move_backward(place, end, end + 1);
    }
    *place = key;
    ++block.size;
    firsts_[at] = block.keys[0];
  }

  // Only a key that is in it.
  void erase(std::int64_t key) {
    const std::size_t at = block_of(key);
    Block& block = *blocks_[at];
    std::int64_t* end = block.keys.data() + block.size;
    if (end[-1] != key) {
      std::int64_t* place = std::lower_bound(block.keys.data(), end, key);
      std::move(place + 1, end, place);
    }
    --block.size;
    if (block.size == 0) {
      remove_block(at);
      return;
    }
    firsts_[at] = block.keys[0];
    // Half-empty neighbours become one, or a market that wandered off would leave a trail of blocks behind.
    if (at > 0 && block.size + blocks_[at - 1]->size <= kBlock / 2) {
      join(at - 1);
    } else if (at + 1 < blocks_.size() && block.size + blocks_[at + 1]->size <= kBlock / 2) {
      join(at);
    }
  }

  // Calls `visit(key)` from the last key down until it returns false.
  template <class Visit>
  void visit_from_last(Visit visit) const {
    for (std::size_t at = blocks_.size(); at-- > 0;) {
      for (std::size_t i = blocks_[at]->size; i-- > 0;) {
        if (!visit(blocks_[at]->keys[i])) return;
      }
    }
  }

  std::size_t memory_bytes() const {
    return (blocks_.size() + spare_.size()) * sizeof(Block) + firsts_.capacity() * sizeof(std::int64_t) +
           (blocks_.capacity() + spare_.capacity()) * sizeof(blocks_[0]);
  }

 private:
  static constexpr std::size_t kBlock = 127;
  struct Block {
    std::size_t size;
    std::array<std::int64_t, kBlock> keys;
  };

  // The last block that begins at or before the key, else the first.
  std::size_t block_of(std::int64_t key) const {
    if (key >= firsts_.back()) return firsts_.size() - 1;
    const auto after = std::upper_bound(firsts_.begin(), firsts_.end(), key);
    return after == firsts_.begin() ? 0 : static_cast<std::size_t>(after - firsts_.begin()) - 1;
  }

  void add_block(std::size_t at, std::int64_t first) {
    std::unique_ptr<Block> block;
    if (spare_.empty()) {
      block.reset(new Block);
    } else {
      block = std::move(spare_.back());
      spare_.pop_back();
    }
    block->size = 0;
    blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(at), std::move(block));
    firsts_.insert(firsts_.begin() + static_cast<std::ptrdiff_t>(at), first);
  }

  void remove_block(std::size_t at) {
    spare_.push_back(std::move(blocks_[at]));
    blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(at));
    firsts_.erase(firsts_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  void split(std::size_t at) {
    const std::size_t kept = kBlock / 2;
    add_block(at + 1, blocks_[at]->keys[kept]);
    Block& lower = *blocks_[at];
    Block& upper = *blocks_[at + 1];
    std::copy(lower.keys.begin() + kept, lower.keys.end(), upper.keys.begin());
    upper.size = kBlock - kept;
    lower.size = kept;
  }

  void join(std::size_t at) {
    Block& lower = *blocks_[at];
    const Block& upper = *blocks_[at + 1];
    std::copy(upper.keys.begin(), upper.keys.begin() + static_cast<std::ptrdiff_t>(upper.size),
              lower.keys.begin() + static_cast<std::ptrdiff_t>(lower.size));
    lower.size += upper.size;
    remove_block(at + 1);
  }

  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<std::int64_t> firsts_;  // The first key of each block, where a search can stay in one place.
  std::vector<std::unique_ptr<Block>> spare_;
};

}  // namespace book
