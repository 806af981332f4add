#pragma once
// What endpoints ask of the object storage: a storage that does not answer is a 503.
#include "platform/errors.hpp"
#include "platform/log.hpp"
#include "platform/storage/storage.hpp"
#include "platform/task.hpp"

namespace pulse::fleet {

/// Awaits work of the storage; throws 503 when it fails.
template <class T>
Task<T> stored(Task<T> work) {
  std::string problem;
  try {
    co_return co_await std::move(work);
  } catch (const storage::Error& e) {
    problem = e.what();
  }
  log::error_throttled("object storage failed", {{"error", problem}});
  throw unavailable("Object storage unavailable", 5);
}

}  // namespace pulse::fleet
