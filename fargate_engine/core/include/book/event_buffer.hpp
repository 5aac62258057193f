// Where a core writes its events: a growing array that is used again and again, so that a warm core allocates nothing.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#include "book/messages.hpp"

namespace book {

class EventBuffer {
 public:
  const Event* data() const { return events_.get(); }
  const Event* begin() const { return events_.get(); }
  const Event* end() const { return events_.get() + size_; }
  const Event& operator[](std::size_t index) const { return events_.get()[index]; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  void clear() { size_ = 0; }

  void reserve(std::size_t capacity) {
    if (capacity > capacity_) grow(capacity);
  }

  // A new last event. What is in it is arbitrary: every field is to be written.
  Event& append() {
    if (size_ == capacity_) grow(capacity_ < 64 ? 64 : 2 * capacity_);
    return events_.get()[size_++];
  }

 private:
  struct Free {
    void operator()(Event* events) const { std::free(events); }
  };

  [[gnu::noinline, gnu::cold]] void grow(std::size_t capacity) {
    // Not a vector: that would write zeros to what is written anyway.
    void* larger = std::realloc(events_.get(), capacity * sizeof(Event));
    if (larger == nullptr) throw std::bad_alloc();
    static_cast<void>(events_.release());
    events_.reset(static_cast<Event*>(larger));
    capacity_ = capacity;
  }

  std::unique_ptr<Event, Free> events_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace book
