/** What goes over the wire; gateway/openapi.yml describes it. */

export interface Button {
  title: string;
  payload: string;
}

/** A card, a source or an attachment: which fields there are depends on its kind. */
// eslint-disable-next-line -- the fields are the server's
export type Fields = { [name: string]: any };

export interface Message {
  seq?: number;
  role: string;
  author?: string | null;
  text: string;
  easy_read?: string | null;
  buttons: Button[];
  cards: Fields[];
  sources: Fields[];
  attachments: Fields[];
  client_message_id?: string | null;
  topic?: string | null;
  helpful?: boolean | null;
  /** Of the first line, where it is not English. */
  language?: string | null;
  created_at?: string;
}

export interface Status {
  owner: string;
  adviser: string | null;
  position: number | null;
}

/** What opens one chat. */
export interface Ticket {
  id: string;
  token: string;
}

/** What a person sends: words, or the payload of a button. */
export interface Said {
  client_message_id: string;
  text?: string;
  payload?: string;
}

/** What is shown before anything is said. */
export interface Start {
  service_name: string;
  area: string | null;
  messages: Message[];
  contacts: Fields[];
  person_button: Button;
  retention_days: number;
  max_message_chars: number;
  leave_url: string;
  phone: string | null;
  hours: string | null;
}

/** A crisis reply that rides along with a refusal. */
export interface Crisis {
  text: string;
  easy_read: string | null;
  cards: Fields[];
  topic: string | null;
}

/** An error of the server (RFC 9457). */
export interface Problem {
  title: string;
  code: string;
  status: number;
  detail: string;
  crisis?: Crisis;
}
