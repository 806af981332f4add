#pragma once
#include <boost/asio/awaitable.hpp>

namespace pulse {

/// A coroutine on a loop's io_context. `co_await` it from another Task, or start it with
/// Loop::spawn. Throws what its body throws.
template <class T = void>
using Task = boost::asio::awaitable<T>;

}  // namespace pulse
