// An array of which only the part that is used takes memory: the address space is reserved, the pages come when touched.
// So it never moves, an element is one addition away, and growing costs nothing that one command would notice.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <type_traits>

namespace book {

template <class Element>
class ReservedArray {
  static_assert(std::is_trivially_copyable_v<Element>);

 public:
  explicit ReservedArray(std::size_t size) : bytes_(size * sizeof(Element)) {
    void* const memory =
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    // Only a wish, so whatever it answers is right: fewer page walks once the orders outgrow the cache.
    static_cast<void>(madvise(memory, bytes_, MADV_HUGEPAGE));
    elements_ = static_cast<Element*>(memory);
  }
  ReservedArray(const ReservedArray&) = delete;
  ReservedArray& operator=(const ReservedArray&) = delete;
  ~ReservedArray() { munmap(elements_, bytes_); }

  // All zero until it is written.
  Element& operator[](std::size_t index) { return elements_[index]; }
  const Element& operator[](std::size_t index) const { return elements_[index]; }

 private:
  std::size_t bytes_;
  Element* elements_;
};

}  // namespace book
