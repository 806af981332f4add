#include "platform/mail/mailer.hpp"

#include <curl/curl.h>
#include <sys/stat.h>

#include <atomic>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "platform/errors.hpp"
#include "platform/ids.hpp"
#include "platform/log.hpp"
#include "platform/mail/mime.hpp"
#include "platform/mail/smtp.hpp"

namespace pulse::mail {

namespace asio = boost::asio;

namespace {

constexpr std::size_t most_waiting = 200;
constexpr std::int64_t longest_wait_ms = 30'000;

/// One email on its way.
struct Job {
  std::string to, message;
  std::int64_t queued_ms = 0;
  std::function<void(std::exception_ptr)> done;
};

/// Written beside and moved into place, readable by its owner only: the links in it open accounts.
std::optional<std::string> put_down(const std::string& outbox, const Job& job) {
  std::error_code ec;
  std::filesystem::create_directories(outbox, ec);
  if (ec) return "the outbox can't be made: " + ec.message();
  // They sort in the order in which they were sent.
  const auto name = std::to_string(to_us(now())) + "-" + uuid7() + ".eml";
  const auto file = std::filesystem::path(outbox) / name;
  const auto beside = file.string() + ".new";
  std::ofstream out(beside, std::ios::binary);
  ::chmod(beside.c_str(), S_IRUSR | S_IWUSR);
  out << job.message;
  out.close();
  if (!out) return "the outbox can't be written to";
  std::filesystem::rename(beside, file, ec);
  if (ec) return "the outbox can't be written to: " + ec.message();
  return std::nullopt;
}

std::exception_ptr not_sent() {
  return std::make_exception_ptr(HttpError(502, "Email could not be sent"));
}
std::exception_ptr too_busy() {
  return std::make_exception_ptr(unavailable("Too many emails are waiting", 30));
}

}  // namespace

struct Mailer::Impl {
  MailerOptions options;
  Mailbox from;
  std::mutex mutex;
  std::condition_variable wake, idle;
  std::deque<std::unique_ptr<Job>> jobs;
  bool busy = false, closed = false;
  std::atomic<bool> stopping{false};
  std::thread thread;

  /// The problem, with the server's code when it is the recipient whom it refuses.
  std::optional<std::string> run(const Job& job, long* refused) {
    if (stopping) return "the mailer is closed";
    if (options.host.empty()) return put_down(options.outbox, job);
    SmtpEnvelope envelope;
    envelope.from = from.address;
    envelope.to = {job.to};
    envelope.message = job.message;
    envelope.stopping = &stopping;
    const auto outcome = send_by_smtp(options, envelope);
    if (!outcome.refused.empty()) *refused = outcome.refused.front().reply;
    return outcome.ok ? std::nullopt : std::optional(outcome.why);
  }

  void work() {
    for (;;) {
      std::unique_ptr<Job> job;
      {
        std::unique_lock lock(mutex);
        busy = false;
        if (jobs.empty()) idle.notify_all();
        wake.wait(lock, [&] { return closed || !jobs.empty(); });
        if (jobs.empty()) return;
        job = std::move(jobs.front());
        jobs.pop_front();
        busy = true;
      }
      // A server that hangs must not keep people waiting for hours.
      if (steady_ms() - job->queued_ms > longest_wait_ms) {
        job->done(too_busy());
        continue;
      }
      long refused = 0;
      const auto problem = run(*job, &refused);
      if (problem) log::error("email not sent", {{"host", options.host}, {"error", *problem}});
      job->done(!problem  ? nullptr
                : refused ? std::make_exception_ptr(RecipientRefused(refused))
                          : not_sent());
    }
  }

  void submit(std::unique_ptr<Job> job) {
    std::unique_lock lock(mutex);
    if (closed || jobs.size() >= most_waiting) {
      lock.unlock();
      return job->done(too_busy());
    }
    job->queued_ms = steady_ms();
    jobs.push_back(std::move(job));
    lock.unlock();
    wake.notify_one();
  }
};

Mailer::Mailer(MailerOptions options) : impl_(std::make_shared<Impl>()) {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialized != CURLE_OK) throw std::runtime_error("libcurl does not initialise");
  if (options.security != "none" && options.security != "starttls" && options.security != "tls")
    throw std::invalid_argument("must be none, starttls or tls, not '" + options.security + "'");
  const auto from = read_mailbox(options.from);
  if (!from) throw std::invalid_argument("'" + options.from + "' is no address to send from");
  if (options.host.empty() && options.outbox.empty())
    throw std::invalid_argument("a mailer needs a host or an outbox");
  impl_->options = std::move(options);
  impl_->from = *from;
  impl_->thread = std::thread([impl = impl_.get()] { impl->work(); });
}

Mailer::~Mailer() { stop(0); }

void Mailer::stop(long grace_ms) {
  auto& self = *impl_;
  {
    std::unique_lock lock(self.mutex);
    self.closed = true;
    self.wake.notify_all();
    if (grace_ms > 0)
      self.idle.wait_for(lock, std::chrono::milliseconds(grace_ms),
                         [&] { return self.jobs.empty() && !self.busy; });
  }
  self.stopping = true;
  if (self.thread.joinable()) self.thread.join();
}

Task<> Mailer::send(Email email) {
  const auto to = read_mailbox(email.to);
  if (!to) {
    log::error("email not sent", {{"error", "the recipient's address can't be used"}});
    throw HttpError(502, "Email could not be sent");
  }
  auto job = std::make_unique<Job>();
  job->to = to->address;
  job->message = to_message(email, impl_->from, to->address, now());
  // References only: GCC 12 destroys what a lambda owns twice when it stands in a co_await.
  const std::shared_ptr<Impl> impl = impl_;
  auto start = [&impl, &job](auto handler) {
    // The handler belongs to the caller's loop: it is called there, and the loop waits for it.
    auto executor = asio::get_associated_executor(handler);
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    job->done = [shared, executor,
                 work = asio::make_work_guard(executor)](std::exception_ptr error) mutable {
      asio::post(executor, [shared = std::move(shared), error = std::move(error)]() mutable {
        auto handler = std::move(*shared);
        handler(std::move(error));
      });
    };
    impl->submit(std::move(job));
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
      start, asio::use_awaitable);
}

}  // namespace pulse::mail
