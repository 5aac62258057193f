import { PasswordInput, Select, Text, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { useAction } from "../../../ui/useAction";
import { useMe } from "../../../ui/useMe";
import { PEOPLE } from "../parts/directory";
import { FormDialog } from "../parts/FormDialog";
import { type Role, rolesToGive } from "../parts/roles";
import { type InvitationForm, invitationRequest, NEW_INVITATION } from "./invitation";

const WAYS = [
  { value: "MAIL", label: "A temporary password is mailed" },
  { value: "PASSWORD", label: "I tell the temporary password myself" },
  { value: "ISSUER", label: "At the firm's own OIDC issuer" },
];

export function InviteDialog({ onClose }: { onClose: () => void }) {
  const { api } = usePlatform();
  const me = useMe();
  const navigate = useNavigate();
  const [form, setForm] = useState<InvitationForm>(NEW_INVITATION);
  const set = (part: Partial<InvitationForm>) => setForm((before) => ({ ...before, ...part }));
  const invite = useAction(
    (terms: InvitationForm) => answerOf(api.POST("/users", { body: invitationRequest(terms) })),
    {
      changes: [PEOPLE],
      // Accounts are given next, on his own page.
      onDone: (person) => void navigate({ to: `/users/${person.user_id}` }),
    },
  );
  return (
    <FormDialog
      title="Invite somebody"
      confirm="Invite"
      action={invite}
      fields={["username", "email", "role", "temporary_password", "issuer_subject"]}
      patterns={{
        username: "small letters and digits, also . _ and -; the first is a letter or digit",
        email: "no address of e-mail",
      }}
      onSubmit={() => invite.run(form)}
      onClose={onClose}
    >
      {(errors) => (
        <>
          <TextInput
            label="Name"
            description="Small letters and digits, also . _ and -"
            required
            data-autofocus
            autoComplete="off"
            maxLength={63}
            value={form.username}
            error={errors.username}
            onChange={(event) => set({ username: event.currentTarget.value })}
          />
          <TextInput
            label="E-mail"
            type="email"
            required
            autoComplete="off"
            maxLength={254}
            value={form.email}
            error={errors.email}
            onChange={(event) => set({ email: event.currentTarget.value })}
          />
          <Select
            label="Role"
            required
            data={rolesToGive(me?.permissions ?? [])}
            value={form.role}
            error={errors.role}
            allowDeselect={false}
            onChange={(role) => role !== null && set({ role: role as Role })}
          />
          <Select
            label="First sign-in"
            data={WAYS}
            value={form.way}
            allowDeselect={false}
            onChange={(way) => way !== null && set({ way: way as InvitationForm["way"] })}
          />
          {form.way === "PASSWORD" && (
            <PasswordInput
              label="Temporary password"
              description="Nothing is mailed. At the first sign-in it is replaced by another."
              required
              autoComplete="off"
              maxLength={256}
              value={form.password}
              error={errors.temporary_password}
              onChange={(event) => set({ password: event.currentTarget.value })}
            />
          )}
          {form.way === "ISSUER" && (
            <TextInput
              label="Subject at the issuer"
              description="What the issuer calls this person (sub)"
              required
              maxLength={254}
              value={form.issuerSubject}
              error={errors.issuer_subject}
              onChange={(event) => set({ issuerSubject: event.currentTarget.value })}
            />
          )}
          <Text size="xs" c="dimmed">
            Accounts, nodes and groups are given on the person's page, which opens next.
          </Text>
        </>
      )}
    </FormDialog>
  );
}
