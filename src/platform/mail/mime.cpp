#include "platform/mail/mime.hpp"

#include <algorithm>
#include <ctime>

#include "platform/crypto/crypto.hpp"
#include "platform/ids.hpp"

namespace pulse::mail {

namespace {

constexpr std::size_t plain_header_chars = 70;  // with the name on one line of 78 (RFC 5322, 2.1.1)
constexpr std::size_t word_bytes = 45;          // an encoded word has 75 characters at most
constexpr std::size_t plain_line_bytes = 900;   // a line has 998 at most

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool is_printable(char c) { return c >= 0x20 && c <= 0x7e; }

std::string without_controls(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (is_control(c)) c = ' ';
  return out;
}

/// base64 with padding (RFC 4648, 4).
std::string base64(std::string_view bytes) {
  auto out = crypto::base64url(bytes);
  for (auto& c : out) c = c == '-' ? '+' : c == '_' ? '/' : c;
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

std::string encoded_words(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto end = std::min(word_bytes, text.size());
    // A character must not be split between two words.
    while (end < text.size() && end > 1 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
      --end;
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + base64(text.substr(0, end)) + "?=";
    text.remove_prefix(end);
  }
  return out;
}

std::string with_crlf(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    if (text[i] == '\r' || text[i] == '\n')
      out += "\r\n";
    else
      out += text[i];
  }
  if (!out.ends_with("\r\n")) out += "\r\n";
  return out;
}

/// Short lines of ASCII travel as they are, so that a link stays readable in the file.
bool is_plain_body(std::string_view text) {
  std::size_t line = 0;
  for (const char c : text) {
    line = c == '\n' ? 0 : line + 1;
    if (line > plain_line_bytes) return false;
    if (!is_printable(c) && c != '\r' && c != '\n' && c != '\t') return false;
  }
  return true;
}

std::string quoted_printable(std::string_view text) {
  std::string out;
  std::size_t line = 0;
  const auto put = [&](std::string_view piece) {
    if (line + piece.size() > 75) {
      out += "=\r\n";
      line = 0;
    }
    out += piece;
    line += piece.size();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
      out += "\r\n";
      line = 0;
      ++i;
      continue;
    }
    const bool before_end = i + 1 >= text.size() || text[i + 1] == '\r';
    if (is_printable(c) && c != '=' && !(c == ' ' && before_end)) {
      put(std::string_view(&c, 1));
      continue;
    }
    constexpr const char* digits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    const char escape[] = {'=', digits[byte >> 4], digits[byte & 15]};
    put(std::string_view(escape, 3));
  }
  return out;
}

std::string part(std::string_view type, std::string_view body) {
  const auto text = with_crlf(body);
  const bool plain = is_plain_body(text);
  return "Content-Type: " + std::string(type) +
         "; charset=utf-8\r\nContent-Transfer-Encoding: " + (plain ? "7bit" : "quoted-printable") +
         "\r\n\r\n" + (plain ? text : quoted_printable(text));
}

/// RFC 5322, 3.3.
std::string header_date(Time t) {
  const std::time_t seconds = to_ms(t) / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  const auto size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &parts);
  return std::string(text, size);
}

std::string header_mailbox(const Mailbox& box) {
  if (box.name.empty()) return box.address;
  const auto name = without_controls(box.name);
  const bool plain = name.size() <= plain_header_chars - 20 &&
                     std::all_of(name.begin(), name.end(), is_printable) &&
                     name.find("=?") == std::string::npos;
  if (!plain) return encoded_words(name) + " <" + box.address + ">";
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\" <" + box.address + ">";
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<Mailbox> read_mailbox(std::string_view text) {
  Mailbox out;
  text = trimmed(text);
  if (const auto open = text.find('<'); open != std::string_view::npos && text.ends_with('>')) {
    out.name = std::string(trimmed(text.substr(0, open)));
    if (out.name.size() >= 2 && out.name.front() == '"' && out.name.back() == '"')
      out.name = out.name.substr(1, out.name.size() - 2);
    text = text.substr(open + 1, text.size() - open - 2);
  }
  const auto at = text.find('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size() || text.size() > 254 ||
      text.find('@', at + 1) != std::string_view::npos)
    return std::nullopt;
  for (const char c : text)
    if (!is_printable(c) || std::string_view(" <>()[],;:\\\"").find(c) != std::string_view::npos)
      return std::nullopt;
  out.address = std::string(text);
  return out;
}

std::string header_text(std::string_view text) {
  const auto clean = without_controls(text);
  const bool plain = clean.size() <= plain_header_chars && clean.find("=?") == std::string::npos &&
                     std::all_of(clean.begin(), clean.end(), is_printable);
  return plain ? clean : encoded_words(clean);
}

std::string to_message(const Email& email, const Mailbox& from, const std::string& to, Time date,
                       const std::string& cc) {
  std::string out;
  out += "Date: " + header_date(date) + "\r\n";
  out += "From: " + header_mailbox(from) + "\r\n";
  out += "To: " + to + "\r\n";
  if (!cc.empty()) out += "Cc: " + cc + "\r\n";
  out += "Subject: " + header_text(email.subject) + "\r\n";
  out += "Message-ID: <" + (email.id.empty() ? uuid7() : email.id) +
         from.address.substr(from.address.find('@')) + ">\r\n";
  out += "MIME-Version: 1.0\r\n";
  out += "Auto-Submitted: auto-generated\r\n";  // RFC 3834: no vacation notes in return
  if (email.html.empty()) return out + part("text/plain", email.text);
  // Random, so that no text can hold it.
  const auto boundary = "part_" + crypto::random_token(18);
  out += "Content-Type: multipart/alternative; boundary=\"" + boundary + "\"\r\n\r\n";
  out += "--" + boundary + "\r\n" + part("text/plain", email.text);
  out += "\r\n--" + boundary + "\r\n" + part("text/html", email.html);
  out += "\r\n--" + boundary + "--\r\n";
  return out;
}

}  // namespace pulse::mail
