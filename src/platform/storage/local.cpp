// Objects in a directory of this machine.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <functional>

#include "platform/clock.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/ids.hpp"
#include "platform/storage/storage.hpp"

namespace pulse::storage {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void failed(const std::string& what, const fs::path& path) {
  throw Error(what + " " + path.string() + ": " + std::strerror(errno));
}

/// A file descriptor that closes itself.
class File {
 public:
  File(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0640)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  bool open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

 private:
  int fd_;
};

void write_all(const File& file, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const auto n = ::write(file.fd(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) failed("can't write", path);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string read_some(const fs::path& path, std::int64_t offset, std::int64_t bytes) {
  const File file(path, O_RDONLY);
  if (!file.open()) failed("can't open", path);
  std::string out(static_cast<std::size_t>(bytes), '\0');
  std::size_t have = 0;
  while (have < out.size()) {
    const auto n = ::pread(file.fd(), out.data() + have, out.size() - have,
                           offset + static_cast<std::int64_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) failed("can't read", path);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  out.resize(have);
  return out;
}

void make_directories(const fs::path& path) {
  std::error_code ec;
  fs::create_directories(path, ec);
  if (ec) throw Error("can't make " + path.string() + ": " + ec.message());
}

void remove_tree(const fs::path& path) {
  std::error_code ec;
  fs::remove_all(path, ec);
  if (ec) throw Error("can't remove " + path.string() + ": " + ec.message());
}

/// A rename survives a loss of power only when its directory was synced.
void sync_directory(const fs::path& path) {
  const File directory(path, O_RDONLY | O_DIRECTORY);
  if (!directory.open() || ::fsync(directory.fd()) != 0) failed("can't sync", path);
}

void rename_durably(const fs::path& from, const fs::path& to) {
  make_directories(to.parent_path());
  if (::rename(from.c_str(), to.c_str()) != 0) failed("can't rename", from);
  sync_directory(to.parent_path());
}

/// Writes what `fill` puts into the file, beside its place, and moves it there.
void write_durably(const fs::path& path,
                   const std::function<void(const File&, const fs::path&)>& fill) {
  make_directories(path.parent_path());
  const fs::path beside = path.string() + short_id(".new-", 12);
  try {
    const File file(beside, O_WRONLY | O_CREAT | O_EXCL);
    if (!file.open()) failed("can't make", beside);
    fill(file, beside);
    if (::fsync(file.fd()) != 0) failed("can't sync", beside);
    rename_durably(beside, path);
  } catch (...) {
    ::unlink(beside.c_str());
    throw;
  }
}

template <class T>
Task<T> call(std::function<T()> work) {
  co_return work();
}

}  // namespace

struct LocalStorage::Impl {
  LocalOptions options;
  boost::asio::thread_pool threads{2};  // ends first

  fs::path path(std::string_view key) const { return fs::path(options.directory) / key; }
  /// Beside the object, so that who removes a folder removes what was begun there.
  fs::path parts(const std::string& key, const std::string& upload) const {
    return path(key + "." + upload);
  }
  /// Where earlier versions put them: uploads that were begun by those can still be completed.
  fs::path earlier_parts(const std::string& upload) const { return path("parts/" + upload); }

  /// Runs what blocks on a thread of its own; goes on where the caller was.
  template <class T>
  Task<T> run(std::function<T()> work) {
    return boost::asio::co_spawn(threads, call<T>(std::move(work)), boost::asio::use_awaitable);
  }
};

LocalStorage::LocalStorage(LocalOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
}
LocalStorage::~LocalStorage() { impl_->threads.join(); }

Task<std::string> LocalStorage::begin(std::string) { co_return short_id("up-", 32); }

Task<std::string> LocalStorage::put_part(std::string key, std::string upload, int number,
                                         std::string bytes) {
  const auto path = impl_->parts(key, upload) / std::to_string(number);
  std::function<std::string()> work = [path, bytes = std::move(bytes)] {
    write_durably(path,
                  [&](const File& file, const fs::path& where) { write_all(file, bytes, where); });
    return crypto::sha256_hex(bytes);
  };
  auto tag = co_await impl_->run(std::move(work));
  co_return tag;
}

Task<> LocalStorage::finish(std::string key, std::string upload, std::vector<Part> parts) {
  const auto directory = impl_->parts(key, upload), target = impl_->path(key),
             earlier = impl_->earlier_parts(upload);
  std::function<void()> work = [directory, target, earlier, parts = std::move(parts)] {
    write_durably(target, [&](const File& file, const fs::path& where) {
      for (const auto& part : parts) {
        const auto name = std::to_string(part.number);
        const auto place = fs::exists(directory / name) ? directory : earlier;
        const auto bytes = read_some(place / name, 0, part_bytes);
        if (crypto::sha256_hex(bytes) != part.tag)
          throw Error("part " + std::to_string(part.number) + " of " + target.string() +
                      " is not what was put");
        write_all(file, bytes, where);
      }
    });
    remove_tree(directory);
    remove_tree(earlier);
  };
  co_await impl_->run(std::move(work));
}

Task<> LocalStorage::abandon(std::string key, std::string upload) {
  std::function<void()> work = [directory = impl_->parts(key, upload),
                                earlier = impl_->earlier_parts(upload)] {
    remove_tree(directory);
    remove_tree(earlier);
  };
  co_await impl_->run(std::move(work));
}

Task<std::optional<std::int64_t>> LocalStorage::size(std::string key) {
  std::function<std::optional<std::int64_t>()> work =
      [path = impl_->path(key)]() -> std::optional<std::int64_t> {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
      failed("can't look at", path);
    }
    return static_cast<std::int64_t>(st.st_size);
  };
  auto bytes = co_await impl_->run(std::move(work));
  co_return bytes;
}

Task<std::string> LocalStorage::read(std::string key, std::int64_t offset, std::int64_t bytes) {
  std::function<std::string()> work = [path = impl_->path(key), offset, bytes] {
    return read_some(path, offset, bytes);
  };
  auto out = co_await impl_->run(std::move(work));
  co_return out;
}

Task<> LocalStorage::move(std::string from, std::string to) {
  std::function<void()> work = [source = impl_->path(from), target = impl_->path(to)] {
    rename_durably(source, target);
  };
  co_await impl_->run(std::move(work));
}

Task<> LocalStorage::remove(std::string key) {
  std::function<void()> work = [path = impl_->path(key)] {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) failed("can't remove", path);
  };
  co_await impl_->run(std::move(work));
}

Task<> LocalStorage::remove_all(std::string prefix) {
  std::function<void()> work = [path = impl_->path(prefix)] { remove_tree(path); };
  co_await impl_->run(std::move(work));
}

std::string LocalStorage::signed_url(std::string_view key, long seconds,
                                     std::string_view file_name) const {
  std::string grant = std::to_string(now_ms() / 1000 + seconds);
  grant.append("\n").append(file_name).append("\n").append(key);
  const auto signature = crypto::hmac_sha256(impl_->options.signing_keys.front(), grant);
  return impl_->options.base_url + "/files/" + crypto::base64url(grant) + "." +
         crypto::base64url(signature);
}

std::optional<Grant> LocalStorage::open_token(std::string_view token) const {
  const auto dot = token.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto grant = crypto::from_base64(token.substr(0, dot));
  const auto signature = crypto::from_base64(token.substr(dot + 1));
  if (!grant || !signature) return std::nullopt;
  bool ours = false;
  for (const auto& key : impl_->options.signing_keys)
    ours = crypto::equal(crypto::hmac_sha256(key, *grant), *signature) || ours;
  if (!ours) return std::nullopt;
  const auto first = grant->find('\n'), second = grant->find('\n', first + 1);
  Grant out;
  std::from_chars(grant->data(), grant->data() + first, out.expires_s);
  out.file_name = grant->substr(first + 1, second - first - 1);
  out.key = grant->substr(second + 1);
  return out;
}

}  // namespace pulse::storage
