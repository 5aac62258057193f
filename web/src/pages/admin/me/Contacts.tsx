import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { Found } from "../../../ui/states";
import { Section } from "../parts/Section";
import { Phone } from "./Phone";
import { QuietHours } from "./QuietHours";
import { Telegram } from "./Telegram";

export const CONTACT = ["admin", "contact"] as const;

export function Contacts() {
  const { api } = usePlatform();
  const contact = useQuery({ queryKey: CONTACT, queryFn: () => answerOf(api.GET("/contacts/me")) });
  return (
    <Found query={contact}>
      {(found) => (
        <>
          <Section title="Telephone">
            <Phone phone={found.phone} />
          </Section>
          <Section title="Quiet hours">
            {/* Made anew when others are in force: the fields begin with what was saved. */}
            <QuietHours key={JSON.stringify(found.quiet_hours)} quietHours={found.quiet_hours} />
          </Section>
          <Section title="Telegram">
            <Telegram />
          </Section>
        </>
      )}
    </Found>
  );
}
