/** What is wrong with an email address at a first look (the server looks closer), or false. */
export const emailFault = (email: string): string | false =>
  !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email) && 'An email address, such as kay@acme.example.';
