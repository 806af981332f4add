#include "identity/directory.hpp"

#include <cctype>
#include <exception>

#include "platform/errors.hpp"

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

Task<std::string> free_username(Directory& directory, std::string email) {
  auto stem = email.substr(0, email.find('@'));
  for (auto& c : stem) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  auto name = stem;
  for (int n = 2; n < 1'000; ++n) {
    const auto taken = co_await directory.user_of_name(name);
    if (!taken) co_return name;
    name = stem + std::to_string(n);
  }
  throw conflict("Username already exists");
}

}  // namespace pulse::identity
