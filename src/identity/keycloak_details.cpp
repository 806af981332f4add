#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "identity/keycloak_directory.hpp"
#include "platform/errors.hpp"
#include "platform/limits.hpp"

namespace pulse::identity {

namespace asio = boost::asio;

namespace {

/// Details of a page of users, asked for by a few coroutines at once.
struct Details {
  explicit Details(asio::any_io_executor executor) : done(executor) {
    done.expires_at(asio::steady_timer::time_point::max());
  }
  std::vector<DirectoryUser> users;
  std::vector<std::optional<DirectoryUser>> found;
  std::size_t next = 0;
  int running = 0;
  std::exception_ptr error;
  asio::steady_timer done;
};

Task<std::optional<DirectoryUser>> detail_or_gone(UserDetail detail, DirectoryUser user) {
  try {
    co_return co_await detail(std::move(user));
  } catch (const HttpError& e) {
    if (e.status != 404) throw;  // else: gone since the list was made
  }
  co_return std::nullopt;
}

Task<> work_off(std::shared_ptr<Details> all, UserDetail detail) {
  while (all->next < all->users.size() && !all->error) {
    const auto number = all->next++;
    auto found = co_await detail_or_gone(detail, all->users[number]);
    all->found[number] = std::move(found);
  }
}

}  // namespace

Task<std::vector<DirectoryUser>> with_all_details(std::vector<DirectoryUser> users,
                                                  UserDetail detail) {
  const auto executor = co_await asio::this_coro::executor;
  auto all = std::make_shared<Details>(executor);
  all->found.resize(users.size());
  all->users = std::move(users);
  all->running = static_cast<int>(
      std::min<std::size_t>(all->users.size(), limits::directory_requests_at_once));
  for (int i = all->running; i > 0; --i)
    asio::co_spawn(executor, work_off(all, detail), [all](std::exception_ptr e) {
      if (e && !all->error) all->error = e;
      if (--all->running == 0) all->done.cancel();
    });
  boost::system::error_code cancelled;
  while (all->running > 0)
    co_await all->done.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  if (all->error) std::rethrow_exception(all->error);
  std::vector<DirectoryUser> out;
  for (auto& user : all->found)
    if (user) out.push_back(std::move(*user));
  co_return out;
}

}  // namespace pulse::identity
