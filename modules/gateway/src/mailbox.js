"use strict";

const PERIOD_MS = 3000;
const list = document.getElementById("messages");
const state = document.getElementById("status");
const template = document.getElementById("message");
const shown = new Set();

// A message that is sent again has the same id and another time.
const key = (message) => `${message.id} ${message.sent_at}`;

// Everything in a message comes from outside: it is set as text, or goes into a frame without rights.
function item(message) {
  const element = template.content.cloneNode(true);
  const set = (selector, text) => { element.querySelector(selector).textContent = text; };
  set(".channel", message.channel === "sms" ? "SMS" : "E-mail");
  set(".subject", message.subject);
  set(".to", `to ${message.to}`);
  set(".facts", `${message.kind}, notification ${message.id}`);
  set(".text", message.text);
  const time = element.querySelector("time");
  time.dateTime = message.sent_at;
  time.textContent = new Date(message.sent_at).toLocaleString();
  if (message.html) {
    const title = document.createElement("h2");
    title.textContent = "HTML";
    const details = element.querySelector("details");
    details.append(title);
    // a frame is only made for who wants to see it
    details.addEventListener("toggle", () => {
      const frame = document.createElement("iframe");
      frame.setAttribute("sandbox", "");
      frame.title = `HTML of: ${message.subject}`;
      frame.srcdoc = message.html;
      details.append(frame);
    }, { once: true });
  }
  return element;
}

async function look() {
  try {
    const response = await fetch("/api/dev/mailbox", { headers: { Accept: "application/json" } });
    const body = await response.json();
    if (!response.ok) {
      throw new Error(body.detail);
    }
    const fresh = body.messages.filter((message) => !shown.has(key(message)));
    for (const message of fresh.reverse()) {
      shown.add(key(message));
      list.prepend(item(message));
    }
    while (list.children.length > 100) {
      list.lastElementChild.remove();
    }
    const count = list.children.length;
    tell(count === 0 ? "Nothing yet." : `${count} ${count === 1 ? "message" : "messages"}.`);
  } catch (error) {
    tell(`Cannot look into the mailbox: ${error.message}`);
  }
  setTimeout(look, PERIOD_MS);
}

// Screen readers announce changes, and only those.
function tell(text) {
  if (state.textContent !== text) {
    state.textContent = text;
  }
}

look();
