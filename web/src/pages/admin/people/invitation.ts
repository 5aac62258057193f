import type { components } from "../../../api/schema";
import type { Role } from "../parts/roles";

type Invitation = components["schemas"]["Invitation"];

export interface InvitationForm {
  readonly username: string;
  readonly email: string;
  readonly role: Role;
  /** How he signs in first: by a mailed password, by one that is told him, or at the firm's own issuer. */
  readonly way: "MAIL" | "PASSWORD" | "ISSUER";
  readonly password: string;
  readonly issuerSubject: string;
}

export const NEW_INVITATION: InvitationForm = {
  username: "",
  email: "",
  role: "trader",
  way: "MAIL",
  password: "",
  issuerSubject: "",
};

/** What was typed for another way than the chosen one is not sent. */
export function invitationRequest(form: InvitationForm): Invitation {
  return {
    username: form.username.trim(),
    email: form.email.trim(),
    role: form.role,
    ...(form.way === "PASSWORD" ? { temporary_password: form.password } : {}),
    ...(form.way === "ISSUER" ? { issuer_subject: form.issuerSubject.trim() } : {}),
  };
}
