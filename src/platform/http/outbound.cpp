#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "platform/http/client.hpp"

namespace pulse::http {

namespace asio = boost::asio;

namespace {

using Kind = ClientError::Kind;
using Bytes4 = std::array<std::uint8_t, 4>;
using Bytes16 = std::array<std::uint8_t, 16>;

struct Range4 {
  Bytes4 base;
  int bits;
};
// IANA IPv4 Special-Purpose Address Registry (RFC 6890 and later), multicast and reserved.
constexpr Range4 special4[] = {
    {{0, 0, 0, 0}, 8},      {{10, 0, 0, 0}, 8},     {{100, 64, 0, 0}, 10}, {{127, 0, 0, 0}, 8},
    {{169, 254, 0, 0}, 16}, {{172, 16, 0, 0}, 12},  {{192, 0, 0, 0}, 24},  {{192, 0, 2, 0}, 24},
    {{192, 88, 99, 0}, 24}, {{192, 168, 0, 0}, 16}, {{198, 18, 0, 0}, 15}, {{198, 51, 100, 0}, 24},
    {{203, 0, 113, 0}, 24}, {{224, 0, 0, 0}, 4},    {{240, 0, 0, 0}, 4}};

std::uint32_t word(const Bytes4& b) {
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

bool public4(const Bytes4& address) {
  return std::none_of(std::begin(special4), std::end(special4), [&](const Range4& range) {
    return (word(address) ^ word(range.base)) >> (32 - range.bits) == 0;
  });
}

bool public6(const Bytes16& a) {
  const auto embedded = [&](std::size_t at) {
    return public4({a[at], a[at + 1], a[at + 2], a[at + 3]});
  };
  const auto starts = [&](std::initializer_list<int> prefix) {
    std::size_t i = 0;
    for (const int byte : prefix)
      if (a[i++] != byte) return false;
    return true;
  };
  if (starts({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})) return embedded(12);        // IPv4-mapped
  if (starts({0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return embedded(12);  // NAT64
  if (starts({0x20, 0x02})) return embedded(2);                                       // 6to4
  if ((a[0] & 0xe0) != 0x20) return false;                // outside 2000::/3: not global unicast
  if (starts({0x20, 0x01}) && a[2] < 0x02) return false;  // 2001::/23: Teredo, ORCHID and the like
  if (starts({0x20, 0x01, 0x0d, 0xb8})) return false;     // documentation
  if (starts({0x3f, 0xff}) && (a[2] & 0xf0) == 0) return false;  // documentation (RFC 9637)
  return true;
}

bool public_address(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    Bytes4 bytes;
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, 4);
    return public4(bytes);
  }
  if (address->sa_family == AF_INET6) {
    Bytes16 bytes;
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, 16);
    return public6(bytes);
  }
  return false;
}

/// One transfer.
struct Job {
  std::string method, url, body;
  OutboundOptions options;
  std::function<void(std::exception_ptr, ClientResponse)> done;

  ClientResponse response;
  const std::atomic<bool>* stopping = nullptr;
  bool forbidden = false;
  bool too_large = false;
};

curl_socket_t open_socket(void* data, curlsocktype, curl_sockaddr* address) {
  auto& job = *static_cast<Job*>(data);
  if (!job.options.allow_private && !public_address(&address->addr)) {
    job.forbidden = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t take_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& job = *static_cast<Job*>(user);
  if (job.response.body.size() + size > job.options.max_response_bytes) {
    job.too_large = true;
    return 0;
  }
  job.response.body.append(data, size);
  return size;
}

std::size_t take_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& job = *static_cast<Job*>(user);
  std::string_view line(data, size);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {  // a new answer (after 100 or a redirect): forget the last one's
    job.response.headers = {};
    job.response.body.clear();
    return size;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  if (job.response.headers.all().size() >= 200) {
    job.too_large = true;
    return 0;
  }
  job.response.headers.add(std::string(line.substr(0, colon)), std::string(value));
  return size;
}

int progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Job*>(user)->stopping->load() ? 1 : 0;
}

Kind kind_of(CURLcode code, const Job& job) {
  if (job.forbidden && code != CURLE_OK) return Kind::forbidden;
  if (job.too_large) return Kind::too_large;
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Kind::bad_url;
    case CURLE_COULDNT_RESOLVE_HOST:
      return Kind::resolve;
    case CURLE_COULDNT_CONNECT:
      return Kind::connect;
    case CURLE_OPERATION_TIMEDOUT:
      return Kind::timeout;
    case CURLE_ABORTED_BY_CALLBACK:
      return Kind::closed;
    case CURLE_TOO_MANY_REDIRECTS:
      return Kind::redirects;
    case CURLE_FILESIZE_EXCEEDED:
      return Kind::too_large;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_PEER_FAILED_VERIFICATION:
      return Kind::tls;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
      return Kind::malformed;
    default:
      return Kind::broken;
  }
}

/// An easy handle; keeps its connections from one transfer to the next. One for guarded and one for
/// unguarded transfers, so that the first never reuses a connection that the second opened.
class Easy {
 public:
  Easy() : handle_(curl_easy_init()) {
    if (!handle_) throw std::bad_alloc();
  }
  ~Easy() { curl_easy_cleanup(handle_); }
  Easy(const Easy&) = delete;

  void run(Job& job) {
    CURL* h = handle_;
    curl_easy_reset(h);  // keeps connections
    std::array<char, CURL_ERROR_SIZE> text{};
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, text.data());
    curl_easy_setopt(h, CURLOPT_URL, job.url.c_str());
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(h, CURLOPT_PROXY, "");
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_USERAGENT, "Pulse");
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, std::max(1L, job.options.timeout_ms));
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, std::max(1L, job.options.connect_timeout_ms));
    curl_easy_setopt(h, CURLOPT_MAXFILESIZE_LARGE,
                     static_cast<curl_off_t>(job.options.max_response_bytes));
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, job.options.max_redirects > 0 ? 1L : 0L);
    curl_easy_setopt(h, CURLOPT_MAXREDIRS, static_cast<long>(job.options.max_redirects));
    if (!job.options.ca_file.empty())
      curl_easy_setopt(h, CURLOPT_CAINFO, job.options.ca_file.c_str());
    curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, &job);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, &take_body);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, &job);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, &take_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, &job);
    curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, &progress);
    curl_easy_setopt(h, CURLOPT_XFERINFODATA, &job);
    if (job.method == "HEAD") {
      curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
    } else if (job.method != "GET" || !job.body.empty()) {
      curl_easy_setopt(h, CURLOPT_POSTFIELDS, job.body.data());
      curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(job.body.size()));
      curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, job.method.c_str());
    }
    curl_slist* fields = nullptr;
    for (const auto& [name, value] : job.options.headers.all())
      fields = curl_slist_append(fields, (name + ": " + value).c_str());
    fields = curl_slist_append(fields, "Expect:");  // no waiting for 100 Continue
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, fields);
    const CURLcode code = curl_easy_perform(h);
    curl_slist_free_all(fields);
    if (code == CURLE_OK) {
      long status = 0;
      curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
      job.response.status = static_cast<int>(status);
      return job.done(nullptr, std::move(job.response));
    }
    const Kind kind = kind_of(code, job);
    std::string what = kind == Kind::forbidden   ? "the address is private, loopback or link-local"
                       : kind == Kind::too_large ? "the answer is too large"
                       : kind == Kind::closed    ? "the client is closed"
                       : text[0]                 ? std::string(text.data())
                                                 : std::string(curl_easy_strerror(code));
    job.done(std::make_exception_ptr(ClientError(kind, what)), {});
  }

 private:
  CURL* handle_;
};

bool has_line_break(const Job& job) {
  const auto bad = [](std::string_view s) {
    return s.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
  };
  return bad(job.url) || bad(job.method) ||
         std::any_of(job.options.headers.all().begin(), job.options.headers.all().end(),
                     [&](const auto& field) { return bad(field.first) || bad(field.second); });
}

}  // namespace

bool is_public_address(std::string_view address) {
  const std::string text(address);
  Bytes4 four;
  if (inet_pton(AF_INET, text.c_str(), four.data()) == 1) return public4(four);
  Bytes16 six;
  return inet_pton(AF_INET6, text.c_str(), six.data()) == 1 && public6(six);
}

struct OutboundClient::Impl {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::unique_ptr<Job>> jobs;
  std::size_t max_queue = 0;
  std::atomic<bool> stopping{false};
  std::vector<std::thread> threads;

  void work() {
    Easy guarded, unguarded;
    for (;;) {
      std::unique_ptr<Job> job;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return stopping || !jobs.empty(); });
        if (jobs.empty()) return;
        job = std::move(jobs.front());
        jobs.pop_front();
      }
      if (stopping) {
        job->done(std::make_exception_ptr(ClientError(Kind::closed, "the client is closed")), {});
        continue;
      }
      job->stopping = &stopping;
      (job->options.allow_private ? unguarded : guarded).run(*job);
    }
  }

  void submit(std::unique_ptr<Job> job) {
    std::unique_lock lock(mutex);
    if (stopping || jobs.size() >= max_queue) {
      lock.unlock();
      const auto* what = stopping ? "the client is closed" : "too many requests are waiting";
      return job->done(std::make_exception_ptr(ClientError(Kind::closed, what)), {});
    }
    jobs.push_back(std::move(job));
    lock.unlock();
    wake.notify_one();
  }
};

OutboundClient::OutboundClient(int threads, std::size_t queue) : impl_(std::make_shared<Impl>()) {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialized != CURLE_OK) throw std::runtime_error("libcurl does not initialise");
  impl_->max_queue = queue;
  for (int i = 0; i < std::clamp(threads, 1, 64); ++i)
    impl_->threads.emplace_back([impl = impl_.get()] { impl->work(); });
}

OutboundClient::~OutboundClient() { stop(); }

void OutboundClient::stop() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  for (auto& thread : impl_->threads)
    if (thread.joinable()) thread.join();
}

Task<ClientResponse> OutboundClient::get(std::string url, OutboundOptions options) {
  return request("GET", std::move(url), {}, std::move(options));
}

Task<ClientResponse> OutboundClient::request(std::string method, std::string url, std::string body,
                                             OutboundOptions options) {
  auto job = std::make_unique<Job>();
  job->method = std::move(method);
  job->url = std::move(url);
  job->body = std::move(body);
  job->options = std::move(options);
  parse_url(job->url);  // throws for what is no http or https URL
  if (has_line_break(*job))
    throw ClientError(Kind::bad_url, "method, URL and headers must not have line breaks");
  // References only: GCC 12 destroys what a lambda owns twice when it stands in a co_await.
  const std::shared_ptr<Impl> impl = impl_;
  auto start = [&impl, &job](auto handler) {
    // The handler belongs to the caller's loop: it is called there, and the loop waits for it.
    auto executor = asio::get_associated_executor(handler);
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    job->done = [shared, executor, work = asio::make_work_guard(executor)](
                    std::exception_ptr error, ClientResponse response) mutable {
      asio::post(executor, [shared = std::move(shared), error = std::move(error),
                            response = std::move(response)]() mutable {
        auto handler = std::move(*shared);
        handler(std::move(error), std::move(response));
      });
    };
    impl->submit(std::move(job));
  };
  using Signature = void(std::exception_ptr, ClientResponse);
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, Signature>(
      start, asio::use_awaitable);
}

}  // namespace pulse::http
