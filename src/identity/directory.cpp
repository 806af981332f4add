#include "identity/directory.hpp"

#include <exception>

namespace pulse::identity {

Task<> invite_or_remove(Directory& directory, std::string id, std::string invited_by) {
  std::exception_ptr unsent;
  try {
    co_await directory.invite(id, std::move(invited_by));
  } catch (...) {  // thrown on below
    unsent = std::current_exception();
  }
  if (!unsent) co_return;
  co_await directory.remove(std::move(id));
  std::rethrow_exception(unsent);
}

}  // namespace pulse::identity
