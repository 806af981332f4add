#include "platform/mail/smtp.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <memory>
#include <new>

#include "platform/http/client.hpp"

namespace pulse::mail {

namespace {

/// What libcurl reads from, and what it is asked on its way.
struct Transfer {
  const SmtpEnvelope* envelope = nullptr;
  std::size_t sent = 0;
  bool forbidden = false;
  std::string asked_for;  ///< the recipient whose answer is waited for
  std::vector<RefusedRecipient> refused;
};

std::size_t give_message(char* out, std::size_t, std::size_t room, void* user) {
  auto& t = *static_cast<Transfer*>(user);
  const auto& message = t.envelope->message;
  const auto size = std::min(room, message.size() - t.sent);
  std::memcpy(out, message.data() + t.sent, size);
  t.sent += size;
  return size;
}

int progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto* stopping = static_cast<Transfer*>(user)->envelope->stopping;
  return stopping && stopping->load() ? 1 : 0;
}

/// The conversation: which answer is whose, libcurl does not say otherwise.
int overhear(CURL*, curl_infotype type, char* data, std::size_t size, void* user) {
  auto& t = *static_cast<Transfer*>(user);
  const std::string_view line(data, size);
  constexpr std::string_view command = "RCPT TO:<";
  if (type == CURLINFO_HEADER_OUT) {
    t.asked_for.clear();
    if (line.starts_with(command))
      t.asked_for = line.substr(command.size(), line.find('>') - command.size());
  } else if (type == CURLINFO_HEADER_IN && !t.asked_for.empty() && line.size() >= 3) {
    long code = 0;
    std::from_chars(line.data(), line.data() + 3, code);
    const bool last = line.size() == 3 || line[3] != '-';
    if (last && code >= 400) t.refused.push_back({t.asked_for, code});
    if (last) t.asked_for.clear();
  }
  return 0;
}

std::string text_of(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes =
      address.sa_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr)
          : &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  ::inet_ntop(address.sa_family, bytes, text.data(), text.size());
  return text.data();
}

/// Looked at here, and not by name: a name may have another address a moment later.
curl_socket_t open_socket(void* user, curlsocktype, curl_sockaddr* address) {
  auto& t = *static_cast<Transfer*>(user);
  if (t.envelope->public_only && !http::is_public_address(text_of(address->addr))) {
    t.forbidden = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

}  // namespace

SmtpOutcome send_by_smtp(const MailerOptions& o, const SmtpEnvelope& envelope) {
  const std::unique_ptr<CURL, void (*)(CURL*)> handle(curl_easy_init(), curl_easy_cleanup);
  if (!handle) throw std::bad_alloc();
  CURL* h = handle.get();
  Transfer transfer;
  transfer.envelope = &envelope;
  std::array<char, CURL_ERROR_SIZE> text{};
  const auto url =
      (o.security == "tls" ? "smtps://" : "smtp://") + o.host + ":" + std::to_string(o.port);
  curl_slist* list = nullptr;
  for (const auto& to : envelope.to) list = curl_slist_append(list, ("<" + to + ">").c_str());
  const std::unique_ptr<curl_slist, void (*)(curl_slist*)> recipients(list, curl_slist_free_all);
  curl_easy_setopt(h, CURLOPT_ERRORBUFFER, text.data());
  curl_easy_setopt(h, CURLOPT_URL, url.c_str());
  curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(h, CURLOPT_PROXY, "");
  curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
  if (o.security == "starttls") curl_easy_setopt(h, CURLOPT_USE_SSL, long{CURLUSESSL_ALL});
  if (!o.username.empty()) {
    curl_easy_setopt(h, CURLOPT_USERNAME, o.username.c_str());
    curl_easy_setopt(h, CURLOPT_PASSWORD, o.password.c_str());
  }
  curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, std::max(1L, o.timeout_ms));
  curl_easy_setopt(h, CURLOPT_MAIL_FROM, ("<" + envelope.from + ">").c_str());
  curl_easy_setopt(h, CURLOPT_MAIL_RCPT, recipients.get());
  // One who is refused keeps the message from nobody else.
  curl_easy_setopt(h, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
  curl_easy_setopt(h, CURLOPT_VERBOSE, 1L);
  curl_easy_setopt(h, CURLOPT_DEBUGFUNCTION, &overhear);
  curl_easy_setopt(h, CURLOPT_DEBUGDATA, &transfer);
  curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(h, CURLOPT_READFUNCTION, &give_message);
  curl_easy_setopt(h, CURLOPT_READDATA, &transfer);
  curl_easy_setopt(h, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(envelope.message.size()));
  curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, &progress);
  curl_easy_setopt(h, CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, &transfer);
  const CURLcode code = curl_easy_perform(h);
  SmtpOutcome out;
  out.ok = code == CURLE_OK;
  out.refused = std::move(transfer.refused);
  if (out.ok) return out;
  out.forbidden = transfer.forbidden;
  if (code == CURLE_ABORTED_BY_CALLBACK) {
    out.why = "the mailer is closed";
    return out;
  }
  curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &out.reply);
  out.why = text[0] ? std::string(text.data()) : std::string(curl_easy_strerror(code));
  if (out.reply >= 400) out.why += " (the server's last answer: " + std::to_string(out.reply) + ")";
  return out;
}

}  // namespace pulse::mail
