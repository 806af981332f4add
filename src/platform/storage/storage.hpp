#pragma once
// Objects: files of any size under a key, in a local directory or an S3 bucket. An object is
// written in parts and is there whole or not at all.
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "platform/http/client.hpp"
#include "platform/task.hpp"

namespace pulse::storage {

/// The place where objects are kept does not answer, or refuses.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Every part of an object but its last has exactly this size: S3 takes no smaller ones.
inline constexpr std::int64_t part_bytes = 5 * 1024 * 1024;

/// A part that was put, as the backend knows it.
struct Part {
  int number = 0;  ///< from 1
  std::string tag;
};

/// Keys are ours: words of [A-Za-z0-9._-] with slashes between them. Callable from any loop. Every
/// function throws Error when the backend fails.
class Storage {
 public:
  virtual ~Storage() = default;
  /// Begins an object; gives what its parts are put under.
  virtual Task<std::string> begin(std::string key) = 0;
  /// Puts a part; putting it again replaces it. Gives the part's tag.
  virtual Task<std::string> put_part(std::string key, std::string upload, int number,
                                     std::string bytes) = 0;
  /// Makes the object of its parts, in their order. Durable when it returns.
  virtual Task<> finish(std::string key, std::string upload, std::vector<Part> parts) = 0;
  /// Forgets an object that was begun; nothing happens when it is unknown.
  virtual Task<> abandon(std::string key, std::string upload) = 0;
  /// The object's size; nothing when there is none.
  virtual Task<std::optional<std::int64_t>> size(std::string key) = 0;
  /// `bytes` of the object from `offset` on, fewer at its end.
  virtual Task<std::string> read(std::string key, std::int64_t offset, std::int64_t bytes) = 0;
  /// Gives the object another key, where it replaces what was there.
  virtual Task<> move(std::string from, std::string to) = 0;
  /// Nothing happens when there is none.
  virtual Task<> remove(std::string key) = 0;
  /// Removes every object whose key begins with `prefix`, a folder with its slash, and what was
  /// begun there.
  virtual Task<> remove_all(std::string prefix) = 0;
  /// Where anybody may fetch the object for so many seconds, under this file name. Range requests
  /// work there.
  virtual std::string signed_url(std::string_view key, long seconds,
                                 std::string_view file_name) const = 0;
};

/// SHA-256 of a stored object in hex, read in pieces.
Task<std::string> sha256_of(Storage& storage, std::string key, std::int64_t size);

struct LocalOptions {
  std::string directory;
  std::string base_url;                   ///< of the gateway, which serves /files/{token}
  std::vector<std::string> signing_keys;  ///< the first signs, all are accepted
};

/// What a token of /files/{token} grants.
struct Grant {
  std::string key, file_name;
  std::int64_t expires_s = 0;  ///< epoch
};

/// Objects in a directory: written beside their place, synced, then renamed.
class LocalStorage : public Storage {
 public:
  explicit LocalStorage(LocalOptions options);
  ~LocalStorage() override;
  Task<std::string> begin(std::string key) override;
  Task<std::string> put_part(std::string key, std::string upload, int number,
                             std::string bytes) override;
  Task<> finish(std::string key, std::string upload, std::vector<Part> parts) override;
  Task<> abandon(std::string key, std::string upload) override;
  Task<std::optional<std::int64_t>> size(std::string key) override;
  Task<std::string> read(std::string key, std::int64_t offset, std::int64_t bytes) override;
  Task<> move(std::string from, std::string to) override;
  Task<> remove(std::string key) override;
  Task<> remove_all(std::string prefix) override;
  std::string signed_url(std::string_view key, long seconds,
                         std::string_view file_name) const override;
  /// What the token grants; nothing when it was not signed here. Whether it has expired is for the
  /// caller to see.
  std::optional<Grant> open_token(std::string_view token) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct S3Options {
  std::string endpoint;         ///< as Pulse reaches it, e.g. http://127.0.0.1:9000
  std::string public_endpoint;  ///< as devices do; empty: the same
  std::string bucket, region, access_key, secret_key;
};

/// Objects in an S3 bucket, addressed by path; requests signed with Signature Version 4. `client`
/// outlives it.
std::unique_ptr<Storage> s3(S3Options options, http::OutboundClient& client);

}  // namespace pulse::storage
