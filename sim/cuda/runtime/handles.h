// Things that a program creates and must destroy, known by their address.
#pragma once

#include <memory>
#include <set>

namespace emulated {

template <class T>
class Handles {
 public:
  T* add(T value) { return *living.insert(new T(std::move(value))).first; }

  bool has(const T* handle) const { return living.count(const_cast<T*>(handle)) != 0; }

  bool remove(T* handle) {
    if (!living.erase(handle)) return false;
    delete handle;
    return true;
  }

  std::size_t size() const { return living.size(); }

  const std::set<T*>& all() const { return living; }

 private:
  std::set<T*> living;
};

}  // namespace emulated
