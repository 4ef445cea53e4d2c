from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0006_failed_lately")]

    operations = [
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                fields=["sent_at"],
                name="message_sent_lately",
                condition=models.Q(state="sent"),
            ),
        ),
    ]
