import { expect, it } from "vitest";
import { invitationRequest, NEW_INVITATION } from "./invitation";

const typed = {
  ...NEW_INVITATION,
  username: " dora ",
  email: "dora@example.com ",
  role: "desk_head" as const,
  password: " a secret ",
  issuerSubject: " 4711 ",
};

it("an invitation by mail names neither a password nor an issuer, whatever was typed before", () => {
  expect(invitationRequest(typed)).toEqual({
    username: "dora",
    email: "dora@example.com",
    role: "desk_head",
  });
});

it("a password is sent as it was typed, blanks too", () => {
  expect(invitationRequest({ ...typed, way: "PASSWORD" })).toMatchObject({
    temporary_password: " a secret ",
  });
  expect(invitationRequest({ ...typed, way: "PASSWORD" })).not.toHaveProperty("issuer_subject");
});

it("whoever signs in at the issuer is named by its subject", () => {
  expect(invitationRequest({ ...typed, way: "ISSUER" })).toMatchObject({ issuer_subject: "4711" });
});
